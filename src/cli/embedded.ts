// The embedded server of this user, for `pgtrail embedded ...` and for `embedded:` URLs; loaded only when it is used.
import { resolve } from "node:path"
import type { EmbeddedServer, EmbeddedStatus } from "../data/embedded/index.js"
import type { Io } from "./io.js"

export interface Embedded {
  readonly dataDir: string
  start(): Promise<EmbeddedServer & { started: boolean }>
  stop(): Promise<{ stopped: boolean }>
  status(): Promise<EmbeddedStatus>
}

/** The server in `folder`, relative to where the user stands; without one, the user's own. */
export async function embedded(io: Pick<Io, "env" | "cwd">, folder: string | undefined): Promise<Embedded> {
  const data = await import("../data/embedded/index.js")
  const { HOME: home, XDG_DATA_HOME: xdgDataHome } = io.env
  const dataDir = folder === undefined ? data.defaultDataDir({ home, xdgDataHome }) : resolve(io.cwd, folder)
  return {
    dataDir,
    start: () => data.startEmbedded({ dataDir }),
    stop: () => data.stopEmbedded({ dataDir }),
    status: () => data.embeddedStatus({ dataDir }),
  }
}
