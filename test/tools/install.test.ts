// The SQL that `pgtrail install --print-sql` prints, run by psql as the help says, makes the database that `pgtrail install` makes.
import { execFile } from "node:child_process"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, expect, test } from "vitest"
import { runInProcess } from "../cli/io.js"
import { catalog, olderLog } from "../data/migrate-fixture.js"
import { type TestDatabase, testDatabase } from "../database.js"

const run = promisify(execFile)
let byPsql: TestDatabase
let byTool: TestDatabase
let folder: string
beforeAll(async () => {
  byPsql = await testDatabase({ empty: true })
  byTool = await testDatabase({ empty: true })
  folder = await mkdtemp(join(tmpdir(), "pgtrail-psql-"))
})
afterAll(async () => {
  await byPsql.drop()
  await byTool.drop()
  await rm(folder, { recursive: true })
})

test.each([[[]], [["--no-roles"]]])("install %s", async (options) => {
  for (const database of [byPsql, byTool]) await database.query("drop schema if exists pgtrail cascade")
  const file = join(folder, "install.sql")
  const printed = await runInProcess(["install", "--print-sql", ...options], {
    env: { PGTRAIL_URL: byPsql.url },
  })
  expect(printed).toMatchObject({ exit: 0, stderr: "" })
  await writeFile(file, printed.stdout)
  const { stderr } = await run("psql", [
    "-X",
    "-1",
    "-q",
    "-v",
    "ON_ERROR_STOP=1",
    "-o",
    "/dev/null",
    "-f",
    file,
    byPsql.url,
  ])
  expect(stderr).toBe("")
  await (await byTool.trail()).install({ roles: options.length === 0 })

  const catalogSql = await readFile(join(import.meta.dirname, "../../sql/catalog.sql"), "utf8")
  const described = (database: TestDatabase) =>
    database.query(`select * from (${catalogSql}) c order by object collate "C"`)
  expect(await described(byPsql)).toEqual(await described(byTool))
  const stored = (database: TestDatabase) =>
    database.query("select * from pgtrail.catalog_object order by object")
  expect(await stored(byPsql)).toEqual(await stored(byTool))
  expect(await (await byPsql.trail()).install()).toMatchObject({ changed: false })

  const again = run("psql", ["-X", "-1", "-q", "-v", "ON_ERROR_STOP=1", "-f", file, byPsql.url])
  await expect(again).rejects.toMatchObject({
    stderr: expect.stringContaining('schema "pgtrail" already exists'),
  })
})

test("migrate up, migrate down and uninstall: what they print does by psql what they do", async () => {
  const { db, trail } = await olderLog(1)
  try {
    const before = await catalog(db)
    const file = join(folder, "change.sql")
    const byFile = async (sql: string) => {
      await writeFile(file, sql)
      const argv = ["-X", "-1", "-q", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null", "-f", file, db.url]
      return (await run("psql", argv)).stderr
    }
    expect(await byFile(await trail.installSql())).toBe("")
    expect(await trail.install()).toMatchObject({ changed: false })
    expect(await trail.verify({ record: false })).toMatchObject({ verdict: "intact", findings: [] })
    expect(await byFile(await trail.migrateDownSql({ to: 1 }))).toBe("")
    expect(await catalog(db)).toEqual(before)
    expect(await trail.validate()).toMatchObject({ differences: [] })
    expect(await byFile(await trail.uninstallSql())).toMatch(
      /^(psql:.*WARNING: {2}role pgtrail_\w+ is kept: another database uses it\n)+$/,
    )
    expect((await trail.schemaState()).installed).toBe(false)
  } finally {
    await db.drop()
  }
})
