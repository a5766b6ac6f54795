// A log of two organizations with a subject in both, a folder for keys, and the keys that a caller has.
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { beforeEach } from "vitest"
import type { PrivacyKeys, Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"

export interface KeyLog {
  readonly db: TestDatabase
  readonly trail: Trail
  readonly folder: string
  /** Keys in files of the folder, by their names. */
  keys(...ids: readonly string[]): PrivacyKeys
  /** Keys as text. */
  having(keys: Readonly<Record<string, string>>): PrivacyKeys
}

/** Each test has a log of its own: keys and pseudonyms are never taken back. */
export function keyLogs(): () => KeyLog {
  let log: KeyLog
  beforeEach(async () => {
    const db = await testDatabase()
    const folder = await mkdtemp(join(tmpdir(), "pgtrail-keys-"))
    const keysOf = (ids: readonly string[], read: PrivacyKeys["read"]): PrivacyKeys => ({ ids, read })
    log = {
      db,
      trail: await db.trail(),
      folder,
      keys: (...ids) => ({
        ...keysOf(ids, async (id) => (ids.includes(id) ? readFile(join(folder, id), "utf8") : undefined)),
        file: (id) => (ids.includes(id) ? join(folder, id) : undefined),
      }),
      having: (keys) => keysOf(Object.keys(keys), async (id) => keys[id]),
    }
    return async () => {
      await db.drop()
      await rm(folder, { recursive: true })
    }
  })
  return () => log
}
