// The Python of the seeds 000, 001 and 002, as it is printed there, works on the views of their profiles, by psycopg2, SQLAlchemy and asyncpg, all from
// Debian: and where a script prints what it got, it is what it gets from tables of its own.
import { execFile } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type Role, type TestDatabase, testDatabase } from "../database.js"
import { seedDocuments } from "../seeds-document.js"
import { program } from "./programs.js"
import { hasSeeds, printedPython, python, script, takenFromSeed } from "./python.js"

const run = promisify(execFile)

let db: TestDatabase
/** With the systems' own tables. */
let own: TestDatabase
let writer: Role
beforeAll(async () => {
  ;[db, own] = await Promise.all([testDatabase(), testDatabase({ empty: true })])
  writer = await db.role()
  const trail = await db.trail()
  for (const name of ["mem0", "memoric", "agenttrace"]) {
    await db.query(`create schema ${name}`)
    await trail.installProfile(name, { schema: name, writers: [writer.name], readers: [writer.name] })
  }
  await own.query(`alter database "${own.name}" set timezone = 'UTC'`)
})
afterAll(async () => {
  await own?.drop()
  await db?.drop()
})

/** Where the application of a profile connects. */
async function through(profile: string): Promise<string> {
  await db.query(`alter role "${writer.name}" in database "${db.name}" set search_path = '${profile}'`)
  return writer.url
}

test.each(["mem0_psycopg2.py", "mem0_sqlalchemy.py"])(
  "%s writes and reads, as a role that may insert and select alone",
  async (name) => {
    expect(await python([script(name), await through("mem0")])).toMatch(/^same: \d+ rows\n$/)
  },
)

test("the snippets of seed 001, by SQLAlchemy, get from the view what they get from their own table", async () => {
  const wanted = await python([script("memoric_sqlalchemy.py"), own.url])
  expect(JSON.parse(wanted)).toMatchObject({ failed: [12, 13, 4, 13, 17] })
  expect(await python([script("memoric_sqlalchemy.py"), await through("memoric")])).toBe(wanted)
})

test.each(["psycopg2", "asyncpg"])(
  "the batches of seed 002, by %s, leave the rows in the view that they leave in their own table",
  async (driver) => {
    const seed = seedDocuments().find(({ profile }) => profile === "agenttrace")
    const table = seed?.statements.find(({ text }) => text.startsWith("CREATE TABLE audit_events ("))
    await own.query(`drop table if exists audit_events; ${table?.text}`)
    await python([script("agenttrace_batches.py"), driver, own.url])
    const before = await db.query("select event_id from agenttrace.audit_events")
    await python([script("agenttrace_batches.py"), driver, await through("agenttrace")])
    const columns = `event_id, timestamp, organization_id, project_id, actor_type, actor_id, actor_email, actor_ip, actor_user_agent, event_category,
      event_type, event_severity, resource_type, resource_id, resource_name, action, previous_state, new_state, request_id, session_id`
    const rows = (of: TestDatabase, table: string) =>
      of.query(`select ${columns} from ${table} group by ${columns} order by event_id`)
    const wanted = await rows(own, "audit_events")
    expect(wanted).toHaveLength(1401)
    for (const one of [own, db]) await one.query("set timezone = 'UTC'")
    expect(await rows(db, "agenttrace.audit_events")).toEqual(wanted)
    expect(await db.query("select event_id from agenttrace.audit_events")).toHaveLength(before.length + 1401)
  },
)

test("psql -c with \\copy of the seeds' rows, in and out, is the same", async () => {
  const columns = "user_id, operation, action_result, timestamp, details"
  const lines = `carl,mem0_add,allowed,2026-07-01 00:00:00+00,"{""n"": 1}"\ncarl,mem0_get,error,2026-07-02 00:00:00+00,\n`
  const url = await through("mem0")
  const copy = `\\copy audit_logs (${columns}) from stdin csv`
  const input = run("psql", ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", copy, url])
  input.child.stdin?.end(lines)
  await input
  const select = `select ${columns} from audit_logs where user_id = 'carl' order by timestamp`
  const out = await program("psql", "-X", "-q", "-c", `\\copy (${select}) to stdout csv`, url)
  expect(out).toBe(lines)
})

test("the README's recipe in Python follows the chain of audit_events, and finds what does not", async () => {
  const text = readFileSync(join(import.meta.dirname, "../../README.md"), "utf8")
  const recipe =
    /\*\*Following AgentTrace's chain\.\*\*[\s\S]*?```python\n([\s\S]*?)```/.exec(text)?.[1] ?? ""
  const url = await through("agenttrace")
  const follow = () => python(["-c", `${recipe}\nimport sys\nprint(list(broken_links(sys.argv[1])))`, url])
  expect(await follow()).toBe("[]\n")
  const [kept] = await db.query(
    "select lane, hash from pgtrail.event where organization_id = 'org-123' and seq = 7 limit 1",
  )
  const tamper = (hash: string) =>
    db.query(
      `set session_replication_role = replica; update pgtrail.event set hash = ${hash} where organization_id = 'org-123' and lane = ${kept?.lane} and seq = 7; reset session_replication_role`,
    )
  await tamper("sha256('changed')")
  expect(await follow()).toMatch(new RegExp(`^\\[\\('org-123', ${kept?.lane}, 8, 'evt-\\d+'\\)\\]\n$`))
  await tamper(`'${kept?.hash}'`)
  expect(await follow()).toBe("[]\n")
})

test("what they wrote verifies", async () => {
  const trail = await db.trail()
  expect(await trail.verify({ record: false })).toMatchObject({ verdict: "intact", findings: [] })
})

test.skipIf(!hasSeeds)(
  "the scripts have what the seeds print, to the letter, and all that touches a table",
  () => {
    const scripts = {
      "000": ["mem0_psycopg2.py", "mem0_sqlalchemy.py"],
      "001": ["memoric_sqlalchemy.py"],
      "002": ["agenttrace_batches.py"],
    }
    for (const [seed, names] of Object.entries(scripts)) {
      const printed = printedPython(seed)
      const taken = names.flatMap(takenFromSeed)
      for (const part of taken) expect(printed).toContain(part)
      // The server of 001 and its two statements of SQL, which test/seeds.md has; the cache of 002.
      const others = printed.filter((part) => !taken.includes(part))
      for (const part of others)
        expect(part).toMatch(/create_app|^# Recommended: Archive logs|^# Cache summary/)
    }
  },
)
