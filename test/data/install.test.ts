// Installing: once, again, at once, with a lock in the way, and where it must not.
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeEach, describe, expect, test } from "vitest"
import { toTrailError } from "../../src/data/server-errors.js"
import { readSql } from "../../src/data/sql-files.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { urlOfDatabase } from "../url.js"

let db: TestDatabase
const all: TestDatabase[] = []
beforeEach(async () => {
  db = await empty()
})
afterAll(async () => {
  for (const database of all) await database.drop()
})

async function empty(): Promise<TestDatabase> {
  const database = await testDatabase({ empty: true })
  all.push(database)
  return database
}

/** As install leaves it. */
async function installed(): Promise<TestDatabase> {
  const database = await testDatabase()
  all.push(database)
  return database
}

const catalogSql = readFileSync(join(import.meta.dirname, "../../sql/catalog.sql"), "utf8")
const catalog = (database: TestDatabase) =>
  database.query(`select * from (${catalogSql}) c order by object collate "C"`)
const schemas = () => db.query("select nspname from pg_namespace where nspname = 'pgtrail'")

test("a second installation changes nothing", async () => {
  const trail = await db.trail()
  expect(await trail.install()).toMatchObject({
    applied: [
      "0001_log",
      "0002_proof",
      "0003_access",
      "0004_read",
      "0005_lifecycle",
      "0006_archive",
      "0007_people",
      "0008_holds",
    ],
    changed: true,
    installed: true,
    database: db.name,
  })
  const before = await catalog(db)
  expect(before.length).toBeGreaterThan(20)
  expect(await trail.install()).toMatchObject({ applied: [], changed: false, installed: false })
  expect(await catalog(db)).toEqual(before)
  expect(await trail.installSql()).toBe("")
  expect(await db.query("select kind from pgtrail.act")).toEqual([{ kind: "migrate" }])
})

test.each(["read committed", "serializable"])(
  "six at once, where the default isolation is %s",
  async (isolation) => {
    await db.query(`alter database "${db.name}" set default_transaction_isolation = '${isolation}'`)
    const trail = await db.trail()
    const results = await Promise.all(Array.from({ length: 6 }, () => trail.install()))
    expect(results.filter((result) => result.changed).length).toBe(1)
    expect(await db.query("select count(*) as n from pgtrail.act")).toEqual([{ n: "1" }])
  },
)

test("a lock that another session holds is waited for, but not for ever", async () => {
  const trail = await db.trail()
  const other = await db.client()
  await other.query("select pg_advisory_lock(1885828210, -2)")
  const started = Date.now()
  await expect(trail.install({ lockTimeoutMs: 300 })).rejects.toMatchObject({
    code: "lock-timeout",
    message: "another session holds the lock that this needs",
    hint: "nothing was changed; try again, or wait longer with --lock-timeout 60s",
  })
  expect(Date.now() - started).toBeGreaterThan(250)
  expect(await schemas()).toEqual([])
  const waiting = trail.install()
  await other.end()
  expect(await waiting).toMatchObject({ changed: true })
})

describe("is refused, and changes nothing,", () => {
  test("where a migration was applied from another text", async () => {
    const log = await installed()
    const trail = await log.trail()
    await log.query("update pgtrail.migration set checksum = 'other'")
    const words = {
      code: "config",
      message: expect.stringMatching(
        /^migration 0001_log was applied from another text than this pgtrail \S+ has$/,
      ),
    }
    await expect(trail.install()).rejects.toMatchObject(words)
    await expect(trail.installSql()).rejects.toMatchObject(words)
    expect((await trail.schemaState()).migrations[0]?.state).toBe("changed")
    expect((await trail.status()).migrations.state).toBe("changed")
  })

  test("where a later pgtrail has migrated", async () => {
    const log = await installed()
    const trail = await log.trail()
    await log.query(
      "insert into pgtrail.migration (number, name, checksum, duration_ms, tool_version) values (99, 'later', 'x', 1, '9.1.0')",
    )
    for (const work of [
      () => trail.install(),
      () => trail.installSql(),
      () => trail.schemaState(),
      () => trail.status(),
    ]) {
      await expect(work()).rejects.toMatchObject({
        code: "newer-schema",
        message: expect.stringMatching(
          /^the log has migration 99 later, and this pgtrail \S+ knows only up to 8$/,
        ),
        hint: "nothing was changed; upgrade the tool to 9.1.0 or later",
      })
    }
  })

  test("in a database that is not UTF8", async () => {
    const name = `${db.name}_latin1`
    await db.query(
      `create database "${name}" template template0 encoding 'LATIN1' lc_collate 'C' lc_ctype 'C'`,
    )
    try {
      const trail = await db.trail({ url: urlOfDatabase(db.url, name) })
      await expect(trail.install()).rejects.toMatchObject({
        code: "bad-encoding",
        message: `database ${name} is encoded in LATIN1: pgtrail needs UTF8`,
        hint: `nothing was changed; make another one: create database ${name}_utf8 encoding 'UTF8' template template0;`,
      })
      await expect(trail.installSql()).rejects.toMatchObject({ code: "bad-encoding" })
    } finally {
      await db.query(`drop database "${name}" with (force)`)
    }
  })

  test("by a server that is too old", async () => {
    const preflight = readSql("preflight.sql")
    expect(preflight).toContain("< 140000")
    const error: unknown = await db
      .query(preflight.replace("< 140000", "< 990000"))
      .then(() => undefined, toTrailError)
    expect(error).toMatchObject({
      code: "old-server",
      message: expect.stringMatching(/^PostgreSQL \d+\.\d+.* is too old: pgtrail needs 14 or later$/),
      hint: "nothing was changed; upgrade the server, or install into a newer one",
    })
  })

  test("when only an installed log may be migrated", async () => {
    const trail = await db.trail()
    const words = {
      code: "not-installed",
      message: "pgtrail is not installed in this database",
      hint: "pgtrail install",
    }
    await expect(trail.install({ onlyInstalled: true })).rejects.toMatchObject(words)
    await expect(trail.installSql({ onlyInstalled: true })).rejects.toMatchObject(words)
    expect(await schemas()).toEqual([])
  })

  test("in a dry run, which runs everything", async () => {
    const trail = await db.trail()
    expect(await trail.install({ dryRun: true })).toMatchObject({
      applied: [
        "0001_log",
        "0002_proof",
        "0003_access",
        "0004_read",
        "0005_lifecycle",
        "0006_archive",
        "0007_people",
        "0008_holds",
      ],
      changed: true,
    })
    expect(await schemas()).toEqual([])
  })
})

test("the printed SQL makes the same database", async () => {
  const byScript = await empty()
  await (await db.trail()).install()
  const sql = await (await byScript.trail()).installSql({ lockTimeoutMs: 2000 })
  expect(sql).toContain("set local lock_timeout = 2000;")
  expect(sql).not.toMatch(/^\\/m)
  const client = await byScript.client()
  await client.query(`begin; ${sql} commit;`)
  await client.end()
  expect(await catalog(byScript)).toEqual(await catalog(db))
  expect(await (await byScript.trail()).install()).toMatchObject({ changed: false })
  await expect(byScript.query(sql)).rejects.toThrow('schema "pgtrail" already exists')
})

test("other functions than this version's are pending, and renewed", async () => {
  const log = await installed()
  const trail = await log.trail()
  await log.query("update pgtrail.setting set value = 'old' where name = 'code-checksum'")
  expect(await trail.schemaState()).toMatchObject({
    installed: true,
    codeCurrent: false,
    migrations: Array.from({ length: 8 }, () => ({ state: "applied" })),
  })
  expect((await trail.status()).migrations.state).toBe("pending")
  const before = await catalog(log)
  expect(await trail.install({ onlyInstalled: true })).toMatchObject({
    applied: [],
    changed: true,
    installed: false,
  })
  expect(await catalog(log)).toEqual(before)
  expect((await trail.status()).migrations.state).toBe("current")
})
