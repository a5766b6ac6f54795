// The Python of seed 000, as it is printed there, works on the view of its profile: psycopg2 and SQLAlchemy, both from Debian.
import { execFile } from "node:child_process"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type Role, type TestDatabase, testDatabase } from "../database.js"
import { program } from "./programs.js"

const run = promisify(execFile)
const scripts = ["mem0_psycopg2.py", "mem0_sqlalchemy.py"] as const
const textOf = (script: string): string => readFileSync(join(import.meta.dirname, script), "utf8")
/** The one that Debian's packages are for; another may come first in PATH. */
const python = existsSync("/usr/bin/python3") ? "/usr/bin/python3" : "python3"
/** The seeds lie beside the checkout, not in it. */
const folder = join(import.meta.dirname, "../../../shared/seeds")

let db: TestDatabase
let writer: Role
beforeAll(async () => {
  db = await testDatabase()
  writer = await db.role()
  const trail = await db.trail()
  await trail.installProfile("mem0", { writers: [writer.name], readers: [writer.name] })
})
afterAll(() => db?.drop())

test.each(scripts)("%s writes and reads, as a role that may insert and select alone", async (script) => {
  const { stdout } = await run(python, ["-W", "ignore", join(import.meta.dirname, script), writer.url])
  expect(stdout).toMatch(/^same: \d+ rows\n$/)
})

test("psql -c with \\copy of the seeds' rows, in and out, is the same", async () => {
  const columns = "user_id, operation, action_result, timestamp, details"
  const lines = `carl,mem0_add,allowed,2026-07-01 00:00:00+00,"{""n"": 1}"\ncarl,mem0_get,error,2026-07-02 00:00:00+00,\n`
  const input = run("psql", [
    "-X",
    "-q",
    "-v",
    "ON_ERROR_STOP=1",
    "-c",
    `\\copy audit_logs (${columns}) from stdin csv`,
    writer.url,
  ])
  input.child.stdin?.end(lines)
  await input
  const select = `select ${columns} from audit_logs where user_id = 'carl' order by timestamp`
  const out = await program("psql", "-X", "-q", "-c", `\\copy (${select}) to stdout csv`, writer.url)
  expect(out).toBe(lines)
})

test("alembic's autogenerate would create the view of ai-firewall as a table, and with the printed include_object nothing", async () => {
  const trail = await db.trail()
  await db.query("create schema firewall")
  const { replacements } = await trail.installProfile("ai-firewall", {
    schema: "firewall",
    readers: [writer.name],
  })
  const printed = replacements.find(({ instead }) => instead.startsWith("alembic revision"))?.run ?? ""
  const filter = /include_object=(lambda .*)\)$/.exec(printed)?.[1] ?? ""
  await db.query(`alter role "${writer.name}" in database "${db.name}" set search_path = 'firewall'`)
  const script = join(import.meta.dirname, "ai_firewall_autogenerate.py")
  const { stdout } = await run(python, ["-W", "ignore", script, writer.url, filter])
  expect(stdout).toBe("created without it: log_entries\ncreated with it:\ndropped:\n")
})

test("what they wrote verifies", async () => {
  const trail = await db.trail()
  expect(await trail.verify({ record: false })).toMatchObject({ verdict: "intact", findings: [] })
})

test.skipIf(!existsSync(folder))("the scripts have what the seed prints, to the letter", () => {
  const file = readdirSync(folder).find((name) => name.startsWith("000_")) ?? ""
  const seed = readFileSync(join(folder, file), "utf8")
  for (const script of scripts) {
    const part = /^# seed\n([\s\S]*?)\n# end of seed$/m.exec(textOf(script))?.[1] ?? ""
    expect(part.length).toBeGreaterThan(200)
    expect(seed.includes(`\`\`\`python\n${part}\n\`\`\``), script).toBe(true)
  }
})
