// A real PostgreSQL from npm, for trials, demonstrations and tests: start, stop, status.
import { realpath } from "node:fs/promises"
import { dirname, join, resolve } from "node:path"
import { TrailError } from "../errors.js"
import { type BinarySource, findBinaries } from "./binaries.js"
import { clusterMajor, clusterOwner, initialise, mustBeReachable, prepareFolder } from "./folder.js"
import { invoker, serverOwner } from "./owner.js"
import { answer, lastKnown, launch, port, shutDown } from "./server.js"

export interface EmbeddedServer {
  /** Database `pgtrail` as superuser, for node-postgres and for psql. */
  readonly url: string
  readonly dataDir: string
  readonly socketDir: string
  readonly pid: number
  readonly version: string
}

export interface StartOptions extends BinarySource {
  readonly dataDir: string
  /** Server settings, such as max_connections. They take effect when this call starts the server. */
  readonly settings?: Readonly<Record<string, string>> | undefined
  /** For tests: gives up crash safety for speed. */
  readonly fast?: boolean | undefined
}

export type EmbeddedStatus =
  | { readonly state: "running"; readonly server: EmbeddedServer }
  | { readonly state: "starting" | "stopped" | "absent"; readonly dataDir: string; readonly version?: string }

const fastSettings = { fsync: "off", full_page_writes: "off", synchronous_commit: "off" }

/**
 * Starts the server of a folder, making it on the first call; says `started: false` when it runs already. Safe when
 * several processes call at once. The server goes on after this process ends, and listens on a Unix socket alone, to
 * the user who made the folder and root (by `peer`, see folder.ts). Throws `embedded-missing`, `embedded`, `disk-full`.
 */
export async function startEmbedded(options: StartOptions): Promise<EmbeddedServer & { started: boolean }> {
  const who = invoker()
  await mustBeReachable(dirname(resolve(options.dataDir)), who)
  const dataDir = await prepareFolder(options.dataDir, who)
  const running = await embeddedStatus({ dataDir })
  if (running.state === "running") return { ...running.server, started: false }
  const owner = serverOwner(who, await clusterOwner(dataDir))
  const binaries = await findBinaries(who, owner, options)
  await mustBeReachable(dataDir, who)
  const common = { dataDir, binaries, who, owner }
  if ((await clusterMajor(dataDir)) === undefined)
    await initialise({ ...common, sync: options.fast !== true })
  const major = await clusterMajor(dataDir)
  if (major !== binaries.major) {
    throw new TrailError(
      "embedded",
      `${dataDir} holds a database of PostgreSQL ${major}, the embedded one is ${binaries.major}`,
      { hint: "pgtrail embedded start --data DIR" },
    )
  }
  const settings = { ...(options.fast === true ? fastSettings : {}), ...options.settings }
  const { started, ...server } = await launch({ ...common, settings })
  return { ...describe(dataDir, server), started }
}

/** Stops the server of a folder; says whether there was one. Sessions are cut off, nothing committed is lost. */
export async function stopEmbedded(
  options: BinarySource & { dataDir: string },
): Promise<{ stopped: boolean; dataDir: string }> {
  const who = invoker()
  const dataDir = await real(options.dataDir)
  const known = await lastKnown(dataDir)
  // Only a server that answers is signalled: the pid in a file left by a crash may be somebody else's by now.
  if (known === undefined || (await answer(known.socketDir)).state === "none")
    return { stopped: false, dataDir }
  const owner = serverOwner(who, await clusterOwner(dataDir))
  const binaries = await findBinaries(who, owner, options)
  await shutDown(dataDir, known, { dataDir, binaries, who, owner })
  return { stopped: true, dataDir }
}

/** Looks, and changes nothing. Needs no package. */
export async function embeddedStatus(options: { dataDir: string }): Promise<EmbeddedStatus> {
  const dataDir = await real(options.dataDir)
  const major = await clusterMajor(dataDir)
  if (major === undefined) return { state: "absent", dataDir }
  const known = await lastKnown(dataDir)
  const found = known === undefined ? undefined : await answer(known.socketDir)
  if (known === undefined || found === undefined || found.state === "none") {
    return { state: "stopped", dataDir, version: String(major) }
  }
  if (found.state === "busy") return { state: "starting", dataDir, version: String(major) }
  return { state: "running", server: describe(dataDir, { ...known, version: found.version }) }
}

/** Where `embedded:` keeps its data when no folder is named. What is left out is asked of the operating system. */
export function defaultDataDir(user: UserFolders = {}): string {
  const { isRoot = invoker().isRoot, home = invoker().home, xdgDataHome } = user
  if (isRoot) return "/var/lib/pgtrail/embedded"
  // The XDG specification says that a relative value is to be ignored.
  const base = xdgDataHome?.startsWith("/") ? xdgDataHome : join(home, ".local", "share")
  return join(base, "pgtrail", "embedded")
}

export interface UserFolders {
  readonly home?: string | undefined
  readonly isRoot?: boolean | undefined
  readonly xdgDataHome?: string | undefined
}

function describe(
  dataDir: string,
  server: { pid: number; socketDir: string; version: string },
): EmbeddedServer {
  // The port is spelt out, or PGPORT of the invoking shell would look for another socket.
  const url = `postgresql://postgres@/pgtrail?host=${encodeURIComponent(server.socketDir)}&port=${port}`
  return { url, dataDir, ...server }
}

async function real(path: string): Promise<string> {
  return realpath(path).catch(() => resolve(path))
}
