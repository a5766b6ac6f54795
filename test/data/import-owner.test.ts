// Who began an import may go on with it; another writer cannot move its position, so that records would be skipped.
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let folder: string
beforeAll(async () => {
  db = await testDatabase()
  folder = await mkdtemp(join(tmpdir(), "pgtrail-owner-"))
})
afterAll(async () => {
  await rm(folder, { recursive: true })
  await db.drop()
})

test("another writer cannot move the position of an import, by an empty batch or by events of his own", async () => {
  const one = await db.role({ memberOf: ["pgtrail_writer"] })
  const other = await db.role({ memberOf: ["pgtrail_writer"] })
  const file = join(folder, "stream.ndjson")
  await writeFile(file, '{"event_type":"a"}\n{"event_type":"b"}\n')
  const mine = await db.trail({ url: one.url })
  await mine.importFile(file, { source: "stream" })

  const client = await other.client()
  await client.query("select pgtrail.import_stage()")
  await expect(
    client.query("select pgtrail.import_batch('stream', 'ndjson', 2, 1000)"),
  ).rejects.toMatchObject({ code: "TR008" })
  await client.end()
  const theirs = await db.trail({ url: other.url })
  await writeFile(file, '{"event_type":"a"}\n{"event_type":"b"}\n{"event_type":"c"}\n')
  await expect(theirs.importFile(file, { source: "stream" })).rejects.toMatchObject({ code: "privilege" })

  expect(await mine.importFile(file, { source: "stream" })).toMatchObject({ added: 1, skipped: 2 })
})
