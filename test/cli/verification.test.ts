// pgtrail verification on the command line, word by word. Ids of findings and numbers of transactions differ from run to run.
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { copyToFile } from "../data/verification-fixture.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { replay } from "./transcript.js"

let db: TestDatabase
let folder: string
beforeAll(async () => {
  db = await testDatabase()
  folder = await mkdtemp(join(tmpdir(), "pgtrail-verification-"))
})
afterAll(async () => {
  await db.drop()
  await rm(folder, { recursive: true, force: true })
})

test("verification.txt", async () => {
  const file = join(import.meta.dirname, "verification.txt")
  const [user] = await db.query("select session_user as name")
  const said = await replay(await readFile(file, "utf8"), {
    url: db.url,
    cwd: folder,
    async sql(statement) {
      await db.query(statement)
      if (statement.startsWith("create table public.kept"))
        await copyToFile(db, "select * from public.kept", join(folder, "kept.copy"))
    },
  })
  const now = said
    .replace(/\btransaction \d+/g, "transaction N")
    .replace(/"(xmin|ctid)": "[^"]*"/g, '"$1": "N"')
    .replaceAll(user?.name ?? "", "tester")
  await expect(now).toMatchFileSnapshot(file)
})
