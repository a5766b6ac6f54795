// The commands that set up and read a log, word by word, each transcript on a database of its own.
import { join } from "node:path"
import { afterAll, expect, it } from "vitest"
import { type TestDatabase, type TestDatabaseOptions, testDatabase } from "../database.js"
import { runInProcess } from "./io.js"
import { expectTranscript } from "./transcript.js"

const databases: TestDatabase[] = []
afterAll(async () => {
  for (const database of databases) await database.drop()
})

/** With every partition of the installer only where the answer tells how many there are: each makes all else dearer. */
async function database(options: TestDatabaseOptions): Promise<TestDatabase> {
  const made = await testDatabase(options)
  databases.push(made)
  return made
}

it.each([
  ["install", { empty: true }],
  ["migrate", {}],
  ["query", { whole: true }],
  ["show", {}],
  ["status", {}],
  ["organization", {}],
  ["organization-purge", {}],
  ["stats", {}],
  ["summary", {}],
  ["index", {}],
])("%s.txt", async (name, options) => {
  const db = await database(options)
  await expectTranscript(join(import.meta.dirname, `${name}.txt`), {
    url: db.url,
    // Other test files may fill the server meanwhile.
    env: { PGTRAIL_STATUS_CONNECTIONS_WARNING: "never", PGTRAIL_STATUS_CONNECTIONS_CRITICAL: "never" },
    sql: (statement) => db.query(statement),
  })
})

it("status tells people and programs the same", async () => {
  const db = await database({ whole: true })
  await db.query("insert into pgtrail.event (organization_id, event_type) values ('acme', 'a')")
  const env = { PGTRAIL_URL: db.url }
  const forPeople = await runInProcess(["status"], { env })
  expect(forPeople).toMatchObject({ exit: 0, stderr: "" })
  expect(forPeople.stdout).toMatch(/^organization acme +1 appended, 1 lane$/m)
  expect(forPeople.stdout).toMatch(/^partition event_default +every other time, not analyzed, \d+\.\d kB$/m)
  const forPrograms = await runInProcess(["status", "--json"], { env })
  expect(JSON.parse(forPrograms.stdout)).toMatchObject({
    schema: "pgtrail.status/1",
    database: db.name,
    migrations: { state: "current", version: "0008_holds" },
    log: {
      incarnation: "1",
      organizations: [{ organization_id: "acme", lanes: "1", events: "1" }],
      rows_in_default: "0",
    },
  })
})

it("all means all, however many portions it takes", async () => {
  const db = await database({})
  await db.query("insert into pgtrail.event (event_type) select 'a' from generate_series(1, 3000)")
  const env = { PGTRAIL_URL: db.url }
  const all = await runInProcess(["query", "--limit", "all", "--format", "ndjson", "--fields", "seq"], {
    env,
  })
  expect(all.stdout.split("\n").length).toBe(3001)
  expect(all.stdout).toMatch(/^\{"seq":"3000"\}\n\{"seq":"2999"\}\n/)
})
