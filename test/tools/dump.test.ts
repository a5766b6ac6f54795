// pg_dump and pg_restore of a log with purges, holds, redactions and a detached partition: whole, it is the same log and goes on.
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { findBreaks } from "../checker.js"
import { type LifecycleLog, lifecycleLog } from "../data/lifecycle-fixture.js"
import { redact } from "../data/redact-fixture.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { dumpIsOlder, expectAtWork, ownServer, program, psql, verified } from "./programs.js"

let log: LifecycleLog
let folder: string
let toolIsOlder: boolean
let whole: string
beforeAll(async () => {
  log = await lifecycleLog()
  await redact(log.db, [["id", "u1"]])
  await log.trail.verify({ jobs: 1 })
  folder = await mkdtemp(join(tmpdir(), "pgtrail-dump-"))
  whole = join(folder, "whole.dump")
  toolIsOlder = await dumpIsOlder(log.db)
  if (!toolIsOlder) await program("pg_dump", "--format=custom", `--file=${whole}`, log.db.url)
})
afterAll(async () => {
  await log.db.drop()
  await rm(folder, { recursive: true, force: true })
})

/** Into an empty database of the same server. */
async function restored(load: (target: TestDatabase) => Promise<unknown>): Promise<TestDatabase> {
  const target = await testDatabase({ empty: true })
  await load(target)
  return target
}
const restore = (url: string, file: string, ...more: string[]) =>
  program("pg_restore", "--exit-on-error", ...more, `--dbname=${url}`, file)

async function expectSame(target: TestDatabase): Promise<void> {
  expect(await verified(target)).toEqual(await verified(log.db))
  expect(await findBreaks(target)).toEqual(await findBreaks(log.db))
  expect(await (await target.trail()).validate()).toMatchObject({ differences: [] })
}

test("a dump of the schema as text, loaded by psql", async ({ skip }) => {
  if (toolIsOlder) skip("pg_dump is older than the server")
  const file = join(folder, "schema.sql")
  await program("pg_dump", "--schema=pgtrail", `--file=${file}`, log.db.url)
  const target = await restored(({ url }) => psql(url, "-1", "-f", file))
  await expectSame(target)
  await expectAtWork(target)
  await target.drop()
})

test("a dump of the database in the custom format, in one transaction", async ({ skip }) => {
  if (toolIsOlder) skip("pg_dump is older than the server")
  const target = await restored(({ url }) => restore(url, whole, "--single-transaction"))
  await expectSame(target)
  await expectAtWork(target)
  await target.drop()
})

test("a folder, written and read by two jobs", async ({ skip }) => {
  if (toolIsOlder) skip("pg_dump is older than the server")
  const file = join(folder, "folder")
  await program("pg_dump", "--format=directory", "--jobs=2", `--file=${file}`, log.db.url)
  const target = await restored(({ url }) => restore(url, file, "--jobs=2"))
  await expectSame(target)
  await expectAtWork(target)
  await target.drop()
})

test("the schema first and the data afterwards, as a superuser with the triggers off", async ({ skip }) => {
  if (toolIsOlder) skip("pg_dump is older than the server")
  const target = await restored(async ({ url }) => {
    await restore(url, whole, "--schema-only")
    await restore(url, whole, "--data-only", "--disable-triggers", "--single-transaction")
  })
  await expectSame(target)
  await expectAtWork(target)
  await target.drop()
})

test("another server: nothing without the roles, the same log with them", async ({ skip }) => {
  if (toolIsOlder) skip("pg_dump is older than the server")
  const cluster = await ownServer(log.db, { empty: true })
  if (cluster === undefined) return skip("the tested server runs elsewhere")
  try {
    const { primary } = cluster
    await expect(restore(primary.url, whole, "--single-transaction")).rejects.toThrow(
      /role "pgtrail_owner" does not exist/,
    )
    expect(await primary.query("select to_regnamespace('pgtrail') as schema")).toEqual([{ schema: null }])
    await psql(primary.url, "-f", join(import.meta.dirname, "../../sql/roles.sql"))
    await restore(primary.url, whole, "--single-transaction")
    expect(await verified(primary)).toEqual(await verified(log.db))
    await expectAtWork(primary)
  } finally {
    await cluster.remove()
  }
})

test("without owners and grants verify tells that everybody may call what only roles of pgtrail may", async ({
  skip,
}) => {
  if (toolIsOlder) skip("pg_dump is older than the server")
  const target = await restored(({ url }) => restore(url, whole, "--no-owner", "--no-acl"))
  const report = await (await target.trail()).verify({ jobs: 1, record: false })
  expect(report.verdict).toBe("tampered")
  expect(new Set(report.findings.map(({ kind }) => kind))).toEqual(new Set(["catalog_changed"]))
  const messages = report.findings.map(({ message }) => message)
  expect(messages).toContainEqual(
    expect.stringMatching(/^function record_checkpoint\(.*actual: grant EXECUTE to public$/),
  )
  expect(messages).toContainEqual(
    expect.stringMatching(/^table act: .*owner pgtrail_owner.*actual: .*owner /),
  )
  expect(report.covered.events).toBe((await log.verify()).covered.events)
  await target.drop()
})
