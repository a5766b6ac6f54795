// Where an application's own table is there already, what the refusal says to run brings its rows into the log, and the application goes on.
import type pg from "pg"
import { afterAll, beforeAll, expect, test } from "vitest"
import { TrailError } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { seedDocuments } from "../seeds-document.js"
import { seedRows } from "../seeds-rows.js"

let db: TestDatabase
let session: pg.Client
beforeAll(async () => {
  db = await testDatabase()
  session = await db.client()
})
afterAll(() => db.drop())

/** By profile: its table, and what the log tells otherwise. */
const tables = {
  // As text an inet has its mask.
  mem0: ["audit_logs", ["ip_address"]],
  memoric: ["audit_logs", []],
  agenttrace: ["audit_events", ["hash", "previous_hash"]],
} as const

test.each(Object.entries(tables))("%s", async (profile, [table, apart]) => {
  const document = seedDocuments().find((one) => one.profile === profile)
  const ddl = document?.statements.find(({ text }) => text.startsWith("CREATE TABLE"))
  const schema = `app_${profile}`
  await session.query(`create schema ${schema}; set search_path = ${schema}; set timezone = 'UTC'`)
  if (profile === "agenttrace") await session.query(ddl?.text ?? "")
  await session.query(document?.setup ?? "")
  if (profile === "agenttrace") await session.query("drop table audit_events_archive")
  for (const rows of seedRows[document?.seed ?? ""] ?? [])
    await session.query(rows.replace("(1, 10060)", "(1, 100)"))
  const trail = await db.trail()
  const refusal = await trail.installProfile(profile, { schema }).then(
    () => undefined,
    (error: unknown) => error as TrailError,
  )
  expect(refusal).toBeInstanceOf(TrailError)
  const [, rename = "", bring = ""] =
    /\((alter table .*?)\), install the profile, then bring its rows in: (.*)\. Or install beside it/.exec(
      refusal?.hint ?? "",
    ) ?? []
  await session.query(rename)
  await trail.installProfile(profile, { schema })
  // In another zone a time without a zone would be another one.
  await session.query("set timezone = 'Europe/Berlin'")
  await expect(session.query(bring)).rejects.toMatchObject({ code: "23514", column: "timestamp" })
  await session.query("set timezone = 'UTC'")
  await session.query(bring)
  const shown = async (name: string) => {
    const { rows } = await session.query(`select to_jsonb(t) - $1::text[] as row from ${name} t`, [apart])
    const normal = rows.map(({ row }) => JSON.parse(row) as Record<string, unknown>)
    for (const one of normal) one.timestamp = String(one.timestamp).replace(/[+]00:00$/, "")
    return normal.map((one) => JSON.stringify(one)).sort()
  }
  const before = await shown(`${table}_before`)
  expect(before.length).toBeGreaterThan(2)
  expect(await shown(table)).toEqual(before)
  if (profile === "memoric") {
    const { rows } = await session.query(
      "insert into audit_logs (event_type, timestamp) values ('auth.login', now()) returning id = (select max(id) + 1 from audit_logs_before) as next",
    )
    expect(rows).toEqual([{ next: "t" }])
  }
  expect(await trail.verify({ record: false })).toMatchObject({ verdict: "intact", findings: [] })
})

test("audit-db: every table that is in the way is named, and each is told what becomes of its rows", async () => {
  await session.query("create schema app_audit; set search_path = app_audit; set timezone = 'UTC'")
  await session.query(`create table audit_preset (id serial primary key, name varchar(255), description text, organization_id varchar(255), action varchar(255),
      data_classification varchar(20), required_fields jsonb, default_values jsonb, validation jsonb, created_at timestamp default now(), created_by varchar(255),
      updated_at timestamp, updated_by varchar(255));
    insert into audit_preset (name, organization_id, action) select 'p' || n, 'o', 'a' || n from generate_series(1, 3) n;
    create table error_aggregation (aggregation_key varchar primary key, count integer);
    create table config_change_event (id serial primary key, field varchar);`)
  const trail = await db.trail()
  const refused = async () => {
    const error = await trail.installProfile("audit-db", { schema: "app_audit" }).then(
      () => undefined,
      (thrown: unknown) => thrown as TrailError,
    )
    const [, rename = "", rest = ""] =
      /\((alter table .*?)\), install the profile, (.*)\. Or install beside it/.exec(error?.hint ?? "") ?? []
    await session.query(rename)
    return { message: error?.message, rest }
  }
  const preset = await refused()
  expect(preset.message).toBe(
    "app_audit.audit_preset is there already: a table that is not of this profile, and so are config_change_event, error_aggregation",
  )
  expect((await refused()).rest).toBe(
    "which has config_change_event out of what pgtrail records or counts itself: its rows stay in config_change_event_before",
  )
  expect((await refused()).rest).toContain("its rows stay in error_aggregation_before")
  await trail.installProfile("audit-db", { schema: "app_audit" })
  await session.query(preset.rest.replace("then bring its rows in: ", ""))
  const { rows } = await session.query(
    "insert into audit_preset (name, organization_id, action) values ('p4', 'o', 'a4') returning id",
  )
  expect(rows).toEqual([{ id: "4" }])
})
