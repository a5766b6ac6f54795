// grant and revoke, word by word.
import { join } from "node:path"
import { afterAll, beforeAll, test } from "vitest"
import { type TestDatabase, testDatabase } from "../database.js"
import { expectTranscript } from "./transcript.js"

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
  await db.query(
    "insert into pgtrail.event (organization_id, event_type) values ('acme', 'x'), ('globex', 'x')",
  )
})
afterAll(() => db.drop())

test("access", () =>
  expectTranscript(join(import.meta.dirname, "access.txt"), {
    url: db.url,
    sql: (text) => db.query(text),
  }))
