// Which filters reach an index through the view of a profile, and which do not: as the notes of `profile show` tell, by the plans.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { indexedColumns } from "../../src/data/profile/notes.js"
import { profiles } from "../../src/data/profile/profiles.js"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  await db.query("set timezone = 'UTC'; select pgtrail.create_months('2026-11-01Z', '2026-11-01Z')")
  for (const [name, { rows }] of Object.entries(views)) {
    const schema = name.replace("-", "_")
    await db.query(`create schema ${schema}`)
    await trail.installProfile(name, { schema })
    await db.query(rows)
  }
  await db.query("analyze pgtrail.event")
})
afterAll(() => db.drop())

const many = "from generate_series(1, 3000) i"
const time = "timestamptz '2026-11-01Z' + i * interval '5 minutes'"

/** By profile: what fills it, its view, and filters that no index can be asked for: functions and operators beside comparisons. */
const views: Readonly<Record<string, { rows: string; view: string; odd: readonly string[] }>> = {
  mem0: {
    view: "mem0.audit_logs",
    rows: `insert into mem0.audit_logs (user_id, operation, action_result, details, timestamp)
      select 'u' || i % 90, (array['mem0_search', 'policy_check', 'x_' || i])[1 + i % 3], 'allowed', '{"a": 1}', ${time} ${many}`,
    odd: ["lower(user_id) = 'u7'", `details @> '{"a": 1}'`, "date_trunc('day', timestamp) = '2026-11-02'"],
  },
  memoric: {
    view: "memoric.audit_logs",
    rows: `insert into memoric.audit_logs (event_type, user_id, metadata, timestamp)
      select (array['auth.login', 'memory.created', 'x.' || i])[1 + i % 3], 'u' || i % 90, '{"a": 1}', ${time} ${many}`,
    odd: ["event_type like '%login'", `metadata ->> 'a' = '1'`, "lower(username) = 'a'"],
  },
  agenttrace: {
    view: "agenttrace.audit_events",
    rows: `insert into agenttrace.audit_events (event_id, timestamp, organization_id, actor_type, actor_id, event_category, event_type, event_severity,
        resource_type, resource_id, action, request_id)
      select 'e' || i, ${time}, 'o', 'user', 'u' || i % 90, 'auth', (array['auth.login', 'data.read', 'x.' || i])[1 + i % 3], 'info', 'r', 'r', 'read', 'q'
      ${many}`,
    odd: ["resource_name ilike '%x%'", `new_state ? 'a'`],
  },
  "audit-db": {
    view: "audit_db.audit_log",
    rows: `insert into audit_db.audit_log (organization_id, principal_id, action, status, timestamp)
      select 'o', 'u' || i % 90, (array['user.login', 'data.read', 'x.' || i])[1 + i % 3], 'success', ${time} ${many}`,
    odd: ["outcome_description like '%x%'", `details @> '{"a": 1}'`],
  },
  "ai-firewall": {
    view: "ai_firewall.log_entries",
    rows: `insert into ai_firewall.log_entries (device_id, user_id, tool_name, tool_type, risk_level, prompt_length, timestamp)
      select 'd', 'u' || i % 90, (array['ChatGPT', 'Claude', 'tool-' || i])[1 + i % 3], 'web', 'green', i, ${time} ${many}`,
    odd: ["log_metadata ->> 'os' = 'Linux'", "lower(tool_name) = 'claude'"],
  },
}

const planOf = async (sql: string) =>
  (await db.query(`explain (costs off) ${sql}`)).map((row) => row["QUERY PLAN"]).join("\n")

/** What seed 000 calls frequently queried, and what its design says is searched for. */
const compared = {
  "user_id = 'u7'": 'left"\\(actor_id, 300\\) = ',
  "user_id in ('u7', 'u8')": 'left"\\(actor_id, 300\\) = ANY',
  "operation = 'policy_check'": 'left"\\(event_type, 300\\) = ',
  "resource_type = 'memory' and resource_id = 'm-7'":
    'left"\\(resource_type, 100\\) = .*left"\\(resource_id, 300\\) = ',
  "request_id = 'r-7'": 'left"\\(request_id, 300\\) = ',
  "timestamp between '2026-11-03' and '2026-11-04'": "occurred_at >= .*occurred_at <= ",
  "action_result = 'denied' and timestamp >= '2026-11-10'": "occurred_at >= ",
} as const

test.each(Object.entries(compared))("mem0: %s reaches an index", async (filter, condition) => {
  const plan = await planOf(
    `select * from mem0.audit_logs where ${filter} and timestamp < '2026-11-12' order by timestamp desc limit 100`,
  )
  expect(plan).toMatch(new RegExp(`Index Cond: .*${condition}`))
  expect(plan).not.toMatch(/Subquery Scan on .*\n +Filter: |Seq Scan on event_2026_11/)
})

const comparable: Readonly<Record<string, string>> = {
  id: "'0190a5d0-0000-4000-8000-000000000001'",
  timestamp: "'2026-11-03Z'",
}

test.each(Object.keys(views))(
  "%s: the columns that the note names reach an index, and the id alone where it is named",
  async (name) => {
    const { notes } = await trail.profile(name)
    const note = notes.find((line) => line.startsWith("filters of ")) ?? ""
    const named = indexedColumns[name] ?? []
    expect(note).toContain(`compare ${named.join(", ")} (=`)
    const view = views[name]?.view ?? ""
    const organization = name === "agenttrace" || name === "audit-db" ? "organization_id = 'o' and " : ""
    for (const column of named) {
      const plan = await planOf(
        `select * from ${view} where ${organization}${column} = ${comparable[column] ?? "'x'"}`,
      )
      expect(plan, column).toMatch(
        /Index Cond: .*(actor_id|event_type|resource_type|request_id|correlation_id|session_id|\(id)\b|Index Cond: .*occurred_at =/,
      )
    }
    const first = profiles.find((one) => one.name === name)?.views[0]?.columns[0]?.name ?? ""
    if (!named.includes(first)) expect(note).toContain(`Comparisons of other columns, ${first} among them,`)
  },
)

describe("index add external", () => {
  beforeAll(async () => void (await trail.addIndex("external")))
  afterAll(async () => void (await trail.dropIndex("external")))

  const ids = [
    ["memoric", "id", "5"],
    ["audit-db", "id", "5"],
    ["agenttrace", "event_id", "'e5'"],
  ] as const
  const index = { id: "event_2026_11_external_number", event_id: "event_2026_11_external_id" }

  test.each(ids)("%s: %s = %s reaches it, with and without organization", async (name, column, value) => {
    const view = views[name]?.view ?? ""
    const organizations = name === "memoric" ? [""] : ["", "organization_id = 'o' and "]
    for (const organization of organizations) {
      for (const filter of [`= ${value}`, `in (${value}, ${value})`, `between ${value} and ${value}`]) {
        const where = `${organization}${column} ${filter}`
        const plan = await planOf(`select * from ${view} where ${where}`)
        expect(plan, where).toMatch(new RegExp(`${index[column]}.*\\n +Index Cond: .*external_`))
        expect(plan, where).not.toMatch(/Subquery Scan on .*\n +Filter: |Seq Scan on event_2026_11/)
        expect(await db.query(`select ${column} from ${view} where ${where}`), where).toEqual([
          { [column]: value.replaceAll("'", "") },
        ])
      }
    }
    const { notes, next } = await trail.profile(name)
    expect(notes.find((line) => line.startsWith("filters of "))).toContain(
      `With pgtrail index add external, ${column} (=, in, between) alone reaches an index too`,
    )
    expect(next.filter((line) => line.startsWith("pgtrail index add external "))).toHaveLength(1)
  })

  test.each(["mem0", "ai-firewall"])("%s does not name it: the log has an index of its ids", async (name) => {
    const { notes, next } = await trail.profile(name)
    expect([...notes, ...next].join("\n")).not.toContain("index add external")
    const plan = await planOf(`select * from ${views[name]?.view} where id = ${comparable.id}`)
    expect(plan).toMatch(/Index Cond: \(id = /)
  })
})

const day = "timestamp >= '2026-11-03' and timestamp < '2026-11-04'"

test.each(Object.entries(views))(
  "%s: what is no comparison is asked above the barrier, of what a range of time by its index leaves; the rewriting of LIKE reaches an index",
  async (name, { view, odd }) => {
    const { notes } = await trail.profile(name)
    const [table = ""] = view.split(".").slice(1)
    const note = notes.find((line) => line.startsWith("filters of "))
    expect(note).toContain(`"Subquery Scan on ${table}"`)
    const rewriting = notes.find((line) => line.startsWith("in the place of "))
    const [, like = "", range = ""] =
      /^in the place of (.*?): (.*?), which reaches an index/.exec(rewriting ?? "") ?? []
    expect(like).toMatch(/LIKE '.*%'$/)
    for (const filter of [like, ...odd]) {
      const plan = await planOf(`select * from ${view} where ${filter} and ${day}`)
      expect(plan, filter).toMatch(new RegExp(`Subquery Scan on ${table}\\n +Filter: `))
      expect(plan, filter).toMatch(/Index Cond: .*occurred_at >= '2026-11-03/)
      expect(plan, filter).not.toContain("Seq Scan on event_2026_11")
    }
    const organization = name === "agenttrace" || name === "audit-db" ? "organization_id = 'o' and " : ""
    const where = `${organization}${range} and ${day}`
    const plan = await planOf(`select * from ${view} where ${where}`)
    expect(plan).not.toMatch(/Subquery Scan on .*\n +Filter: /)
    expect(plan).toMatch(/Index Cond: .*left.*>= '\w+\W?'/)
    const [found] = await db.query(
      `select count(*), (select count(*) from ${view} where ${like} and ${day}) as liked from ${view} where ${where}`,
    )
    expect(Number(found?.count)).toBeGreaterThan(90)
    expect(found?.liked).toBe(found?.count)
  },
)
