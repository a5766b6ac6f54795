// What the tests of the embedded server share: a folder for each test, a start in it, a look inside.
import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises"
import { userInfo } from "node:os"
import { join } from "node:path"
import { env } from "node:process"
import pg from "pg"
import { afterAll, afterEach, beforeAll, beforeEach, inject } from "vitest"
import { cluster } from "../../src/data/embedded/folder.js"
import { type StartOptions, startEmbedded, stopEmbedded } from "../../src/data/embedded/index.js"
import { copyStopped } from "../data/cluster-copy.js"
import { serverFolder, serverSettings } from "../server-folder.js"

export const isRoot = userInfo().uid === 0

export interface Place {
  folder: string
  dataDir: string
  /** A cluster that was made before and never started, where a test is not about making one: initdb takes the longest of all. */
  make(): Promise<void>
  start(options?: Partial<StartOptions>): ReturnType<typeof startEmbedded>
}

/** A new folder before each test of the file, or `once` before all of them; its server and the folder go after it. */
export function freshPlace({ once = false } = {}): Place {
  const place: Place = {
    folder: "",
    dataDir: "",
    async make() {
      const made = inject("newCluster")
      // Tests on another server have none, those of another major one that is not ours: then the start makes it.
      if (made === "" || env.PGTRAIL_TEST_BINARIES !== undefined) return
      await mkdir(place.dataDir)
      await chmod(place.dataDir, isRoot ? 0o711 : 0o700)
      await copyStopped(made, cluster(place.dataDir))
    },
    start: (options = {}) =>
      startEmbedded({
        dataDir: place.dataDir,
        fast: true,
        ...options,
        settings: { ...serverSettings, ...options.settings },
      }),
  }
  const [before, after] = once ? [beforeAll, afterAll] : [beforeEach, afterEach]
  before(async () => {
    place.folder = await mkdtemp(`${serverFolder}/pgtrail-embedded-`)
    await chmod(place.folder, 0o755)
    place.dataDir = join(place.folder, "data")
  })
  after(async () => {
    await stopEmbedded({ dataDir: place.dataDir })
    await rm(place.folder, { recursive: true, force: true })
  })
  return place
}

/** The first value of the first row. */
export async function ask(url: string, sql: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query({ text: sql, rowMode: "array" })
    return rows[0]?.[0]
  } finally {
    await client.end()
  }
}
