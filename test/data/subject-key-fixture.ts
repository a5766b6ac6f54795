// A log of two organizations with a subject in both, a folder for keys, and the keys that a caller has.
import { cp, mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeEach } from "vitest"
import type { PrivacyKeys, Trail } from "../../src/data/index.js"
import type { TestDatabase } from "../database.js"
import { preparedDatabase } from "./prepared-database.js"

export interface KeyLog {
  readonly db: TestDatabase
  readonly trail: Trail
  readonly folder: string
  /** Keys in files of the folder, by their names. */
  keys(...ids: readonly string[]): PrivacyKeys
  /** Keys as text. */
  having(keys: Readonly<Record<string, string>>): PrivacyKeys
}

const newFolder = () => mkdtemp(join(tmpdir(), "pgtrail-keys-"))

function logIn(db: TestDatabase, trail: Trail, folder: string): KeyLog {
  const keysOf = (ids: readonly string[], read: PrivacyKeys["read"]): PrivacyKeys => ({ ids, read })
  return {
    db,
    trail,
    folder,
    keys: (...ids) => ({
      ...keysOf(ids, async (id) => (ids.includes(id) ? readFile(join(folder, id), "utf8") : undefined)),
      file: (id) => (ids.includes(id) ? join(folder, id) : undefined),
    }),
    having: (keys) => keysOf(Object.keys(keys), async (id) => keys[id]),
  }
}

/** Each test has the log, and the files of its folder, as `prepare` left them: keys and pseudonyms are never taken back. */
export function keyLogs(prepare: (log: KeyLog) => Promise<unknown> = async () => {}): () => KeyLog {
  let made = ""
  let log: KeyLog | undefined
  const prepared = preparedDatabase(async (db) => {
    if (made !== "") await rm(made, { recursive: true })
    made = await newFolder()
    await prepare(logIn(db, await db.trail(), made))
  })
  beforeEach(async () => {
    const db = await prepared()
    const folder = await newFolder()
    await cp(made, folder, { recursive: true })
    log = logIn(db, log?.db === db ? log.trail : await db.trail(), folder)
    return () => rm(folder, { recursive: true })
  })
  afterAll(() => rm(made, { recursive: true }))
  return () => {
    if (log === undefined) throw new Error("the log is made before each test")
    return log
  }
}
