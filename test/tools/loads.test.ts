// pg_dump and pg_restore: a whole dump keeps every hash, a load of the data alone is refused.
import { execFile } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, expect, test } from "vitest"
import { findBreaks } from "../checker.js"
import { type TestDatabase, testDatabase } from "../database.js"

const run = promisify(execFile)
let db: TestDatabase
let folder: string
let toolIsOlder: boolean
beforeAll(async () => {
  db = await testDatabase()
  folder = await mkdtemp(join(tmpdir(), "pgtrail-dump-"))
  await db.query(`insert into pgtrail.event (organization_id, event_type, details)
    select 'o' || i % 3, 'x', '{"n": 1.10}' from generate_series(1, 25) i`)
  const tool = (await run("pg_dump", ["--version"])).stdout
  const [server] = await db.query("select current_setting('server_version_num')::int / 10000 as major")
  toolIsOlder = Number(/(\d+)(\.|beta|rc)/.exec(tool)?.[1]) < Number(server?.major)
})
afterAll(async () => {
  await db.drop()
  await rm(folder, { recursive: true, force: true })
})

test("a restore of the data alone into an installed log is refused and adds nothing", async ({ skip }) => {
  if (toolIsOlder) skip("pg_dump is older than the server")
  const file = join(folder, "data.dump")
  await run("pg_dump", ["--format=custom", "--data-only", "--table=pgtrail.event*", `--file=${file}`, db.url])
  const target = await testDatabase()
  await expect(
    run("pg_restore", ["--data-only", "--exit-on-error", `--dbname=${target.url}`, file]),
  ).rejects.toThrow(/the chain columns of pgtrail.event are set by the database alone/)
  expect(await target.query("select count(*) as n from pgtrail.event")).toEqual([{ n: "0" }])
  await target.drop()
})

test("a whole dump restored into an empty database keeps every hash and can be written on", async ({
  skip,
}) => {
  if (toolIsOlder) skip("pg_dump is older than the server")
  const file = join(folder, "whole.dump")
  await run("pg_dump", ["--format=custom", "--schema=pgtrail", `--file=${file}`, db.url])
  const target = await testDatabase({ empty: true })
  await run("pg_restore", ["--exit-on-error", `--dbname=${target.url}`, file])
  const heads = "select organization_id, lane, seq, hash from pgtrail.chain_head order by 1, 2, 3"
  expect(await target.query(heads)).toEqual(await db.query(heads))
  expect(await findBreaks(target)).toEqual([])
  for (const isolation of ["read committed", "repeatable read"]) {
    await target.query(`begin isolation level ${isolation}`)
    await target.query(
      "insert into pgtrail.event (organization_id, event_type) values ('o1', 'x'), ('o1', 'x')",
    )
    await target.query("commit")
  }
  expect(await findBreaks(target)).toEqual([])
  await expect(target.query("delete from pgtrail.event")).rejects.toMatchObject({ code: "TR002" })
  await target.drop()
})
