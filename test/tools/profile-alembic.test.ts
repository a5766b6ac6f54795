// The application of seed 004, which its document describes without printing it: SQLAlchemy by asyncpg, and its commands of alembic, run as they are
// printed there, on the profile ai-firewall and on tables of its own.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type Role, type TestDatabase, testDatabase } from "../database.js"
import { python, script } from "./python.js"

const template = "/usr/lib/python3/dist-packages/alembic/templates/generic/script.py.mako"
const folder = mkdtempSync(join(tmpdir(), "pgtrail-alembic-"))
const versions = join(folder, "alembic/versions")
let db: TestDatabase
let own: TestDatabase
let writer: Role
/** What the profile prints in the place of autogenerate. */
let printed: string
beforeAll(async () => {
  ;[db, own] = await Promise.all([testDatabase(), testDatabase({ empty: true })])
  writer = await db.role()
  const trail = await db.trail()
  const { replacements } = await trail.installProfile("ai-firewall", {
    writers: [writer.name],
    readers: [writer.name],
  })
  printed = replacements.find(({ instead }) => instead.startsWith("alembic revision"))?.run ?? ""
  // Alembic keeps a table of its own, in the schema of the application.
  await db.query(`grant create on schema public to "${writer.name}"`)
  await own.query(`alter database "${own.name}" set timezone = 'UTC'`)
  mkdirSync(versions, { recursive: true })
  cpSync(template, join(folder, "alembic/script.py.mako"))
  writeFileSync(join(folder, "alembic.ini"), "[alembic]\nscript_location = alembic\n")
})
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await own?.drop()
  await db?.drop()
})

const tables = async (of: TestDatabase) =>
  (
    await of.query(
      "select concat_ws(' ', c.relname, c.relkind) as c from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v') order by 1",
    )
  ).map(({ c }) => c)

/** Its env.py, with the call of context.configure and what stands behind it. */
function configure(call: string): void {
  const [first = "", ...rest] = call
    .replace("...", "connection=connection, target_metadata=Base.metadata")
    .split("\n")
  const lines = [
    "import os",
    "from ai_firewall_models import Base",
    "from alembic import context",
    "from sqlalchemy import create_engine",
    "with create_engine(os.environ['DATABASE_URL']).connect() as connection:",
    ...[first, ...rest].map((line) => `    ${line}`),
    "    with context.begin_transaction():",
    "        context.run_migrations()",
  ]
  writeFileSync(join(folder, "alembic/env.py"), `${lines.join("\n")}\n`)
}

const alembic = (url: string, ...argv: string[]): Promise<string> =>
  python(["-m", "alembic", ...argv], { cwd: folder, more: { DATABASE_URL: url } })

/** The functions of the newest revision, without blanks and comments. */
function revision(message: string): string[] {
  const file = readdirSync(versions).find((name) => name.endsWith(`_${message}.py`)) ?? ""
  const text = readFileSync(join(versions, file), "utf8")
  return text
    .slice(text.indexOf("def upgrade"))
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
}

test("alembic upgrade head makes the application's own tables, and beside the profile alembic stamp head records that they are there", async () => {
  configure("context.configure(...)")
  await alembic(own.url, "revision", "--autogenerate", "-m", "first")
  expect(revision("first").filter((line) => line.startsWith("op.create_table("))).toHaveLength(4)
  await alembic(own.url, "upgrade", "head")
  const made = ["alembic_version r", "devices r", "firewall_configs r", "log_entries r", "users r"]
  expect(await tables(own)).toEqual(made)
  const before = await tables(db)
  await expect(alembic(writer.url, "upgrade", "head")).rejects.toThrow(/already exists/)
  expect(await tables(db)).toEqual(before)
  await alembic(writer.url, "stamp", "head")
  await alembic(writer.url, "upgrade", "head")
  expect(await alembic(writer.url, "current")).toMatch(/^\w+ \(head\)\n$/)
  expect((await tables(db)).filter((name) => name !== "alembic_version r")).toEqual(before)
})

test("autogenerate makes the view once more, and with what the profile prints it finds nothing to do", async () => {
  await alembic(writer.url, "revision", "--autogenerate", "-m", "without")
  expect(revision("without").join("\n")).toContain("op.create_table('log_entries'")
  rmSync(join(versions, readdirSync(versions).find((name) => name.endsWith("_without.py")) ?? ""))
  configure(printed)
  await alembic(writer.url, "revision", "--autogenerate", "-m", "description")
  expect(revision("description")).toEqual([
    "def upgrade() -> None:",
    "pass",
    "def downgrade() -> None:",
    "pass",
  ])
  await alembic(writer.url, "upgrade", "head")
  await alembic(writer.url, "downgrade", "-1")
})

test("alembic downgrade drops nothing of the profile", async () => {
  const before = await tables(db)
  await expect(alembic(writer.url, "downgrade", "base")).rejects.toThrow(/must be owner of/)
  expect(await tables(db)).toEqual(before)
  const trail = await db.trail()
  const { installed } = await trail.profile("ai-firewall")
  expect(installed.flatMap(({ objects }) => objects).filter(({ state }) => state !== "as installed")).toEqual(
    [],
  )
})

test("the application, by SQLAlchemy and asyncpg, reads from the profile what it reads from its own tables", async () => {
  const url = (of: string) => of.replace(/^postgres(ql)?:/, "postgresql+asyncpg:")
  const there = JSON.parse(await python([script("ai_firewall_async.py"), url(own.url)]))
  const here = JSON.parse(await python([script("ai_firewall_async.py"), url(writer.url)]))
  expect(there.counts).toHaveLength(3)
  expect(there.user).toHaveLength(12)
  // Its document has a range for the days, which its tables do not check; and the log is append-only.
  expect(here).toEqual({ ...there, "bad config": "23514", "clean-up": "42501" })
  const [policy] = await db.query(
    "select keep_days::text from pgtrail.retention_rule where name like 'ai-firewall%' and ended_seq is null",
  )
  expect(policy).toEqual({ keep_days: "120" })
})
