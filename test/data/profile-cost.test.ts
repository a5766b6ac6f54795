// What keeps a profile's view cheap, told by plans and by the text of its functions instead of by a clock.
import { afterAll, beforeAll, expect, test } from "vitest"
import { type TestDatabase, testDatabase } from "../database.js"

/** By profile, its view. */
const views = {
  mem0: "audit_logs",
  memoric: "audit_logs",
  agenttrace: "audit_events",
  "audit-db": "audit_log",
  "ai-firewall": "log_entries",
} as const
const schemaOf = (profile: string): string => profile.replace("-", "_")

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
  const trail = await db.trail()
  for (const profile of Object.keys(views)) {
    await db.query(`create schema ${schemaOf(profile)}`)
    await trail.installProfile(profile, { schema: schemaOf(profile) })
  }
})
afterAll(() => db.drop())

interface Node {
  readonly "Node Type": string
  readonly Output?: readonly string[]
  readonly Plans?: readonly Node[]
}

interface Counted extends Node {
  readonly "Actual Rows": number
  readonly "Actual Loops": number
}

interface Cost {
  readonly "Total Cost": number
}

const below = (node: Node): Node[] => (node.Plans ?? []).flatMap((one) => [one, ...below(one)])

test.each(Object.entries(views))(
  "a page of %s makes rows of no more events than it shows, and orders them once",
  async (profile, view) => {
    const [explained] = await db.query(
      `explain (verbose, format json) select * from ${schemaOf(profile)}.${view} order by timestamp desc limit 10`,
    )
    const [{ Plan: limit }] = JSON.parse(explained?.["QUERY PLAN"] ?? "") as [{ Plan: Node }]
    const rows = limit.Plans?.[0]
    expect([limit["Node Type"], rows?.["Node Type"]]).toEqual(["Limit", "Subquery Scan"])
    const ofPartitions = below(rows as Node).filter(({ Output = [] }) =>
      Output.some((value) => value.endsWith(".occurred_at")),
    )
    expect(ofPartitions.length).toBeGreaterThan(2)
    for (const { Output = [] } of ofPartitions) {
      // A width that nobody has costs no work.
      const made = Output.filter((value) => !/^e(_[0-9]+)?\.[a-z_]+$/.test(value))
      expect(made.filter((value) => !/^NULL::/.test(value))).toEqual([])
    }
  },
)

const events = 400

test.each([
  ["agenttrace", "audit_events", "event_severity = 'critical'"],
  ["audit-db", "audit_log", "status = 'success'"],
])(
  "a page of one organization among several reads no more of %s than it shows",
  async (profile, view, filter) => {
    const table = `${schemaOf(profile)}.${view}`
    await db.query(`select pgtrail.create_months('2026-11-01Z', '2026-11-01Z');
      insert into pgtrail.event (source, organization_id, event_type, severity, outcome, external_id, occurred_at)
      select '${profile}', 'o' || i % 5, 'user.login', 'critical', 'success', i, timestamptz '2026-11-01Z' + i * interval '1 minute'
      from generate_series(1, ${5 * events}) i;
      analyze pgtrail.event`)
    // So little memory makes of some hundred events what the default makes of a hundred times as many.
    await db.query("set work_mem = '64kB'")
    for (const where of ["", "and timestamp < '2026-11-01T20:00Z'", `and ${filter}`]) {
      const [explained] = await db.query(
        `explain (analyze, format json) select * from ${table} where organization_id = 'o1' ${where} order by timestamp desc limit 10`,
      )
      const [{ Plan: limit }] = JSON.parse(explained?.["QUERY PLAN"] ?? "") as [{ Plan: Counted }]
      const read = below(limit).filter((node): node is Counted => "Relation Name" in node)
      const rows = read.reduce((sum, node) => sum + node["Actual Rows"] * node["Actual Loops"], 0)
      expect(below(limit).map((node) => node["Node Type"])).not.toContain("Sort")
      expect(rows).toBeLessThan(100)
    }
    await db.query("reset work_mem")
  },
)

test("the statement that appends a row has no expressions: they would be made ready anew for each", async () => {
  const functions = await db.query(
    String.raw`select p.proname::text as name, substring(p.prosrc from 'insert into pgtrail[.]event as e \([^)]*\)\s+values (\([^;]*?\))\s*(?:returning|;)') as written
     from pg_proc p where p.proname ~ '^pgtrail_.*_insert$' and p.prosrc ~ 'insert into pgtrail[.]event as e'`,
  )
  expect(functions.length).toBe(Object.keys(views).length)
  for (const { written } of functions) {
    expect(written).toMatch(
      /^\((?:(?:new\.)?(?:\w+|"\w+")|'[^']*')(?:, (?:(?:new\.)?(?:\w+|"\w+")|'[^']*'))*\)$/,
    )
  }
})

test.each(Object.entries(views))(
  "no part of reading %s is taken for so dear that PostgreSQL would compile it, which takes seconds",
  async (profile, view) => {
    // The server of the tests may have no compiler; what it would be asked for is in the plan.
    for (const shown of [`${view} order by timestamp desc limit 10`, view]) {
      const [explained] = await db.query(`explain (format json) select * from ${schemaOf(profile)}.${shown}`)
      const [{ Plan: plan }] = JSON.parse(explained?.["QUERY PLAN"] ?? "") as [{ Plan: Node & Cost }]
      expect(plan["Total Cost"]).toBeLessThan(100_000)
    }
  },
)

test("what is only asked while a restriction is in force makes no event dear: PostgreSQL compiles no plan of 200,000", async () => {
  expect(
    await db.query(
      "select p.procost::text as cost, count(*) from pg_proc p where p.proname ~ '^pgtrail_.*_(named|visible)$' group by 1",
    ),
  ).toEqual([{ cost: "1", count: String(2 * Object.keys(views).length) }])
  const many = 3000
  await db.query(
    `set timezone = 'UTC';
     insert into mem0.audit_logs (user_id, operation, action_result, timestamp)
     select 'u' || n % 90, 'search', 'allowed', now() - n * interval '1 second' from generate_series(1, ${many}) n;
     analyze pgtrail.event`,
  )
  const [explained] = await db.query("explain (format json) select * from mem0.audit_logs")
  const [{ Plan: plan }] = JSON.parse(explained?.["QUERY PLAN"] ?? "") as [{ Plan: Node & Cost }]
  expect((plan["Total Cost"] / many) * 200_000).toBeLessThan(100_000)
})

test("what a profile runs for each row by statements with documents in them is never compiled", async () => {
  const functions = await db.query(
    "select n.nspname::text as schema, p.proname::text as name, p.proconfig::text as config from pg_proc p join pg_namespace n on n.oid = p.pronamespace where p.proname ~ '^pgtrail_(log_metadata$|.*_(named|visible)$)'",
  )
  expect(functions).toHaveLength(2 * Object.keys(views).length + 1)
  for (const { config } of functions) expect(config).toContain("jit=off")
})
