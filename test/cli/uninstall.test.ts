// What uninstall prints: what goes, what can be kept of it on paper, and SQL instead.
import { afterAll, beforeAll, expect, it } from "vitest"
import { type TestDatabase, testDatabase } from "../database.js"
import { runInProcess } from "./io.js"

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
  await db.query("insert into pgtrail.event (organization_id, event_type) values ('a', 'x'), ('b', 'x')")
})
afterAll(() => db.drop())

const run = (...argv: string[]) => runInProcess(argv, { env: { PGTRAIL_URL: db.url } })

it("refuses, tells, prints SQL, and then destroys", async () => {
  const sql = await run("uninstall", "--print-sql")
  expect(sql.exit).toBe(0)
  expect(sql.stdout).toMatch(/^-- pgtrail .*\ndrop schema pgtrail cascade;\n.*drop role/ms)
  const refused = await run("uninstall")
  expect(refused).toMatchObject({ exit: 2, stdout: "" })
  expect(refused.stderr).toBe(
    `pgtrail: error: this would destroy the log in database ${db.name}: 2 events of 2 organizations, and 1 act
pgtrail: hint: nothing was changed; make a backup, then: pgtrail uninstall --confirm ${db.name}\n`,
  )
  const told = await run("uninstall", "--dry-run", "--json", "--keep-roles")
  expect(told.exit).toBe(0)
  const document: unknown = JSON.parse(told.stdout)
  expect(document).toMatchObject({
    schema: "pgtrail.uninstall/1",
    dry_run: true,
    lost: { events: "2", acts: "1" },
    roles: [],
  })
  const done = await run("uninstall", "--confirm", db.name)
  expect(done).toMatchObject({ exit: 0, stderr: "" })
  expect(done.stdout).toMatch(
    /^destroyed the log in database \S+\n {2}log {9}[0-9a-f-]{36}\n {2}events {6}2 of 2 organizations, in 2 lanes\n {2}acts {8}1\n {2}last act {4}1, hash [0-9a-f]{64}\n {2}heads {7}sha256 [0-9a-f]{64}\n {2}checkpoint {2}none\nrole pgtrail_writer is kept: .* use/,
  )
  expect((await run("uninstall", "--dry-run")).exit).toBe(3)
})
