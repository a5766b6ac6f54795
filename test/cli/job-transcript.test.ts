// Jobs on the command line, word by word.
import { join } from "node:path"
import { afterAll, beforeAll, test } from "vitest"
import { type TestDatabase, testDatabase } from "../database.js"
import { expectTranscript } from "./transcript.js"

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
afterAll(() => db.drop())

test("job.txt", async () => {
  await expectTranscript(join(import.meta.dirname, "job.txt"), {
    url: db.url,
    cwd: "/",
    // Its children do nothing, well.
    program: ["/bin/sh", "-c", ":"],
    sql: (text) => db.query(text),
  })
})
