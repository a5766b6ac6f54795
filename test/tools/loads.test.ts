// Loads of data alone into a log that is there: refused where triggers are on, found by verify where a superuser turned them off.
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type TestDatabase, testDatabase } from "../database.js"
import { dumpIsOlder, program, verified } from "./programs.js"

let db: TestDatabase
let target: TestDatabase
let folder: string
let toolIsOlder: boolean
beforeAll(async () => {
  db = await testDatabase()
  // Of the template it would be a copy of the same log.
  target = await testDatabase({ empty: true })
  await (await target.trail()).install()
  folder = await mkdtemp(join(tmpdir(), "pgtrail-dump-"))
  await db.query(`insert into pgtrail.event (organization_id, event_type, details)
    select 'o' || i % 3, 'x', '{"n": 1.10}' from generate_series(1, 25) i`)
  toolIsOlder = await dumpIsOlder(db)
})
afterAll(async () => {
  await db.drop()
  await target.drop()
  await rm(folder, { recursive: true, force: true })
})

async function dumped(name: string, ...argv: string[]): Promise<string> {
  const file = join(folder, name)
  await program("pg_dump", "--format=custom", "--data-only", ...argv, `--file=${file}`, db.url)
  return file
}
const load = (file: string, ...argv: string[]) =>
  program("pg_restore", "--data-only", "--exit-on-error", ...argv, `--dbname=${target.url}`, file)
const counts =
  "select (select count(*) from pgtrail.event) as events, (select count(*) from pgtrail.act) as acts"

test("events alone are refused by the seal, and add nothing", async ({ skip }) => {
  if (toolIsOlder) skip("pg_dump is older than the server")
  const before = await target.query(counts)
  await expect(load(await dumped("events.dump", "--table=pgtrail.event*"))).rejects.toThrow(
    /the chain columns of pgtrail.event are set by the database alone/,
  )
  expect(await target.query(counts)).toEqual(before)
})

test("the data of all tables, in one transaction, meets those that are there, and adds nothing", async ({
  skip,
}) => {
  if (toolIsOlder) skip("pg_dump is older than the server")
  const before = await target.query(counts)
  const file = await dumped("all.dump", "--schema=pgtrail")
  await expect(load(file, "--single-transaction")).rejects.toThrow(/duplicate key value/)
  await expect(load(file, "--single-transaction", "--disable-triggers")).rejects.toThrow(
    /duplicate key value/,
  )
  expect(await target.query(counts)).toEqual(before)
})

test("events and heads of another log, forced in with the triggers off, are found", async ({ skip }) => {
  if (toolIsOlder) skip("pg_dump is older than the server")
  expect(await verified(target)).toMatchObject({ findings: [] })
  const file = await dumped("forced.dump", "--table=pgtrail.event*", "--table=pgtrail.chain_head")
  await load(file, "--single-transaction", "--disable-triggers")
  const { verdict, findings } = await verified(target)
  expect(verdict).toBe("tampered")
  // The genesis of each lane is that of the other log.
  expect(findings.filter((one) => one.endsWith("/0"))).toEqual([
    "altered o0/0/0",
    "altered o1/0/0",
    "altered o2/0/0",
  ])
})
