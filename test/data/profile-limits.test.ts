// What a row through a profile's view must be, asked of every column that has a limit; and what a view is not, as the notes tell.
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { profiles } from "../../src/data/profile/profiles.js"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  await db.query("set timezone = 'UTC'")
  for (const { name } of profiles) {
    await db.query(`create schema ${schemaOf(name)}`)
    await trail.installProfile(name, { schema: schemaOf(name) })
  }
})
afterAll(() => db.drop())

const schemaOf = (profile: string): string => profile.replace("-", "_")

/** By profile, a row that its view takes. */
const rows: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  mem0: { user_id: "u", operation: "o", action_result: "allowed" },
  memoric: { event_type: "auth.login", timestamp: "now" },
  agenttrace: {
    event_id: "e",
    timestamp: "now",
    organization_id: "o",
    actor_type: "user",
    actor_id: "u",
    event_category: "auth",
    event_type: "t",
    event_severity: "info",
    resource_type: "r",
    resource_id: "r",
    action: "read",
    request_id: "q",
  },
  "audit-db": { organization_id: "o", principal_id: "u", action: "a", status: "success" },
  "ai-firewall": {
    device_id: "d",
    user_id: "u",
    tool_name: "t",
    tool_type: "web",
    risk_level: "green",
    prompt_length: "1",
  },
}

const insert = (profile: string, view: string, row: Readonly<Record<string, string>>) =>
  db.query(
    `insert into ${schemaOf(profile)}.${view} (${Object.keys(row)
      .map((name) => `"${name}"`)
      .join(", ")}) values (${Object.keys(row).map((_, at) => `$${at + 1}`)})`,
    Object.values(row),
  )
const written = async () => (await db.query("select count(*) from pgtrail.event"))[0]?.count

const limited = profiles.flatMap(({ name: profile, views }) =>
  views.flatMap(({ name: view, columns }) =>
    columns.flatMap(({ name, limit }) => (limit === undefined ? [] : [{ profile, view, name, limit }])),
  ),
)

test.each(profiles)(
  "$name: a row that is as it must be is taken, and one of the longest values too",
  async ({ name: profile, views }) => {
    for (const { name: view, columns } of views) {
      const row = rows[profile] ?? {}
      await insert(profile, view, row)
      for (const { name, limit, check } of columns) {
        const isAnyText = check === undefined || check.sql.endsWith("<> ''")
        if (limit !== undefined && isAnyText && name !== "hash" && name !== "previous_hash")
          await insert(profile, view, { ...row, [name]: "x".repeat(limit) })
      }
    }
  },
)

test.each(limited)(
  "$profile: $name takes $limit characters, and of one more nothing is written",
  async ({ profile, view, name, limit }) => {
    const before = await written()
    const refused = insert(profile, view, { ...rows[profile], [name]: "x".repeat(limit + 1) })
    await expect(refused).rejects.toMatchObject({ code: "22001", column: name, table: view })
    expect(await written()).toBe(before)
  },
)

test.each([
  ["tool_type", "smoke"],
  ["risk_level", "purple"],
  ["prompt_length", "-5"],
  ["entity_count", "-1"],
])("ai-firewall: %s is refused where its lists and counts do not have it", async (column, value) => {
  const before = await written()
  await expect(
    insert("ai-firewall", "log_entries", { ...rows["ai-firewall"], [column]: value }),
  ).rejects.toMatchObject({ code: "23514", column })
  expect(await written()).toBe(before)
})

const neverEmpty = [
  ["mem0", "operation"],
  ["memoric", "event_type"],
  ["agenttrace", "event_type"],
  ["agenttrace", "organization_id"],
  ["audit-db", "action"],
  ["audit-db", "organization_id"],
] as const
test.each(neverEmpty)(
  "%s: an empty %s, which the log cannot have, is refused by its name",
  async (profile, column) => {
    const before = await written()
    const view = profiles.find(({ name }) => name === profile)?.views[0]?.name ?? ""
    await expect(insert(profile, view, { ...rows[profile], [column]: "" })).rejects.toMatchObject({
      code: "23514",
      column,
      table: view,
    })
    expect(await written()).toBe(before)
  },
)

test("ai-firewall: a device is of one of its types", async () => {
  await expect(
    db.query(
      "insert into ai_firewall.devices (device_id, user_id, device_type) values ('d', 'u', 'toaster')",
    ),
  ).rejects.toMatchObject({ code: "23514", constraint: "devices_device_type_check" })
})

test.each(["mem0", "memoric"])("%s: an address of type inet is shown as it was given", async (profile) => {
  const view = `${schemaOf(profile)}.audit_logs`
  await db.query(
    `insert into ${view} (${Object.keys(rows[profile] ?? {}).join(", ")}, ip_address, request_${profile === "mem0" ? "id" : "path"})
     select ${Object.values(rows[profile] ?? {}).map((value) => (value === "now" ? "now()" : `'${value}'`))}, a::inet, a
     from unnest(array['10.0.0.1', '2001:db8::9', '10.0.0.0/8']) a`,
  )
  const told = `request_${profile === "mem0" ? "id" : "path"}`
  const read = await db.query(
    `select ip_address from ${view} where ${told} in ('10.0.0.1', '2001:db8::9', '10.0.0.0/8') order by ${told}`,
  )
  expect(read.map((row) => row.ip_address)).toEqual(["10.0.0.0/8", "10.0.0.1", "2001:db8::9"])
  expect(
    await db.query(
      `select ip_address from pgtrail.event where source = '${profile}' and ip_address << '10.0.0.0/8'`,
    ),
  ).toHaveLength(2)
})

test.each(profiles)(
  "$name: what its notes say of keys, COPY, UPDATE and DELETE is so",
  async ({ name, views }) => {
    const { notes } = await trail.profile(name)
    const said = notes.join("\n")
    for (const { name: view, columns } of views) {
      const on = `${schemaOf(name)}.${view}`
      const [id] = columns
      const row = rows[name] ?? {}
      const into = `insert into ${on} (${Object.keys(row)
        .map((column) => `"${column}"`)
        .join(", ")}) select ${Object.values(row).map((value) => (value === "now" ? "now()" : `'${value}'`))}`
      expect(said).toContain(`ON CONFLICT (${id?.name}) is refused`)
      await expect(db.query(`${into} on conflict (${id?.name}) do nothing`)).rejects.toMatchObject({
        code: "42P10",
      })
      const before = Number(await written())
      await db.query(`${into} on conflict do nothing`)
      await db.query(`${into} on conflict do nothing`)
      expect(Number(await written())).toBe(before + 2)
      await db.query(`${into} where not exists (select from ${on} where true)`)
      expect(Number(await written())).toBe(before + 2)
      await expect(db.query(`copy ${on} to stdout`)).rejects.toMatchObject({ code: "42809" })
      await expect(db.query(`create table public.child (id text references ${on})`)).rejects.toMatchObject({
        code: "42809",
      })
      const writer = await db.role()
      await trail.installProfile(name, { schema: schemaOf(name), writers: [writer.name] })
      const client = await writer.client()
      for (const sql of [`delete from ${on}`, `update ${on} set "${id?.name}" = null`]) {
        await expect(client.query(sql)).rejects.toMatchObject({ code: "42501" })
        await expect(db.query(sql)).rejects.toMatchObject({
          code: "42501",
          hint: expect.stringContaining("pgtrail gdpr erase"),
        })
      }
      await client.end()
    }
  },
)

test("a role that is everybody and a schema of PostgreSQL's own are refused in words", async () => {
  await expect(trail.installProfile("mem0", { schema: "mem0", writers: ["public"] })).rejects.toMatchObject({
    code: "usage",
    hint: expect.not.stringContaining("create role"),
  })
  for (const schema of ["information_schema", "pg_catalog"]) {
    await expect(trail.installProfile("mem0", { schema })).rejects.toMatchObject({ code: "not-found" })
  }
})

test.each(profiles)(
  "$name: the commands that come next name the schema and the organization",
  async ({ name }) => {
    const { next, replacements } = await trail.installProfile(name, { schema: schemaOf(name), dryRun: true })
    for (const line of [...next, ...replacements.map(({ run }) => run)]) {
      if (line.includes("profile install")) expect(line).toContain(`--schema ${schemaOf(name)}`)
      expect(line).not.toMatch(/ORGANIZATION|into firewall_configs/)
    }
    expect(next.some((line) => line.includes("--writer ROLE"))).toBe(true)
  },
)
