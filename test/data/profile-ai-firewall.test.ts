// AI Usage Firewall on the log: log_entries without a prompt, its three tables, and how long its organization keeps events.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type TestDatabase, type TextRow, testDatabase } from "../database.js"
import { withClients } from "./writers.js"

let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  await trail.installProfile("ai-firewall", { organization: "acme" })
  await db.query("set time zone 'UTC'; select pgtrail.create_months('2026-11-01Z', '2026-11-01Z')")
})
afterAll(() => db.drop())

const id = "0190a5d0-0000-4000-8000-000000000001"
const whole: Readonly<Record<string, string | null>> = {
  id,
  timestamp: "2026-11-15 10:00:00.123456+00",
  device_id: "browser-7",
  user_id: "ada",
  tool_name: "ChatGPT",
  tool_type: "web",
  risk_level: "amber",
  prompt_length: "1234",
  detected_entity_types: '["EMAIL", "IBAN"]',
  entity_count: "2",
  was_sanitized: "t",
  log_metadata: '{"os": "Linux", "browser": {"version": 128.0}, "prompt_length": 1234}',
}

const statement = (row: Readonly<Record<string, string | null>>) => {
  const names = Object.keys(row)
  return `insert into log_entries (${names.join(", ")}) values (${names.map((_, n) => `$${n + 1}`).join(", ")}) returning *`
}

async function insert(row: Readonly<Record<string, string | null>>): Promise<TextRow> {
  const [given = {}] = await db.query(statement(row), Object.values(row))
  return given
}

async function refused(sql: string, params: readonly unknown[] = []): Promise<Record<string, unknown>> {
  try {
    await db.query(sql, params)
  } catch (error) {
    return { ...(error as Error), message: (error as Error).message }
  }
  throw new Error(`not refused: ${sql}`)
}

const refusedRow = (change: Readonly<Record<string, string | null>>) => {
  const row = { ...whole, ...change }
  return refused(statement(row), Object.values(row))
}

const without = (row: Readonly<Record<string, string | null>>, ...names: readonly string[]) =>
  Object.fromEntries(Object.entries(row).filter(([name]) => !names.includes(name)))

describe("log_entries", () => {
  test("the columns stand in the system's order, and json is json", async () => {
    const rows = await db.query(
      `select attname || ' ' || format_type(atttypid, atttypmod) as c from pg_attribute
       where attrelid = 'log_entries'::regclass and attnum > 0 order by attnum`,
    )
    expect(rows.map(({ c }) => c)).toEqual([
      "id uuid",
      "timestamp timestamp with time zone",
      "device_id character varying",
      "user_id character varying",
      "tool_name character varying",
      "tool_type character varying",
      "risk_level character varying",
      "prompt_length integer",
      "detected_entity_types json",
      "entity_count integer",
      "was_sanitized boolean",
      "log_metadata json",
      "created_at timestamp with time zone",
    ])
  })

  test("a whole row comes back as it was sent, and created_at is when it was recorded", async () => {
    const given = await insert({ ...whole, created_at: "2001-01-01" })
    // PostgreSQL orders the members of an object.
    const kept = '{"os": "Linux", "browser": {"version": 128.0}, "prompt_length": 1234}'
    expect({ ...given, log_metadata: JSON.parse(given.log_metadata ?? "") }).toEqual({
      ...whole,
      log_metadata: JSON.parse(kept),
      created_at: given.created_at,
    })
    const [read = {}] = await db.query("select * from log_entries where id = $1", [id])
    expect({ ...read, log_metadata: JSON.parse(read.log_metadata ?? "") }).toEqual({
      ...given,
      log_metadata: JSON.parse(given.log_metadata ?? ""),
    })
    const [event] = await db.query(
      `select organization_id, source, actor_id, device_id, resource_name, severity, event_type,
         recorded_at = $1::timestamptz as at from pgtrail.event where id = $2`,
      [given.created_at, id],
    )
    expect(event).toEqual({
      organization_id: "acme",
      source: "ai-firewall",
      actor_id: "ada",
      device_id: "browser-7",
      resource_name: "ChatGPT",
      severity: "warning",
      event_type: "ai_firewall.interaction",
      at: "t",
    })
  })

  test("what has a default may be left out, and several rows go in by one statement", async () => {
    const defaults = [
      "id",
      "timestamp",
      "detected_entity_types",
      "entity_count",
      "was_sanitized",
      "log_metadata",
    ]
    const given = await insert(without(whole, ...defaults))
    expect(given.id).toMatch(/^[0-9a-f-]{36}$/)
    expect(given).toMatchObject({
      detected_entity_types: "[]",
      entity_count: "0",
      was_sanitized: "f",
      log_metadata: "{}",
    })
    const rows = await db.query(
      `insert into log_entries (device_id, user_id, tool_name, tool_type, risk_level, prompt_length)
       values ('d', 'many', 'Claude', 'cli', 'green', 1), ('d', 'many', 'Claude', 'cli', 'red', 2) returning id, risk_level`,
    )
    expect(rows.map(({ risk_level: risk }) => risk)).toEqual(["green", "red"])
    expect(
      await db.query("select risk_level from log_entries where user_id = 'many' order by prompt_length"),
    ).toEqual([{ risk_level: "green" }, { risk_level: "red" }])
  })

  test("what it does not allow is refused with the column and without the value, and nothing of the statement stays", async () => {
    const before = await db.query("select count(*) from pgtrail.event")
    for (const column of Object.keys(whole)) {
      expect(await refusedRow({ [column]: null }), column).toMatchObject({ code: "23502", column })
    }
    const risk = await refusedRow({ risk_level: "purple" })
    expect(risk).toMatchObject({ code: "23514", column: "risk_level" })
    expect(JSON.stringify(risk)).not.toContain("purple")
    expect(await refusedRow({ tool_name: "x".repeat(101) })).toMatchObject({
      code: "22001",
      column: "tool_name",
    })
    expect(await refusedRow({ user_id: "x".repeat(301) })).toMatchObject({ code: "22001", column: "user_id" })
    expect(
      await refused(
        `insert into log_entries (device_id, user_id, tool_name, tool_type, risk_level, prompt_length)
         select 'd', 'half', 'Claude', 'cli', case i when 3 then 'blue' else 'green' end, i from generate_series(1, 3) i`,
      ),
    ).toMatchObject({ code: "23514" })
    expect(await db.query("select count(*) from pgtrail.event")).toEqual(before)
  })

  test("no text of a prompt is stored, however deep and however it is spelled", async () => {
    const secret = "my salary is"
    const keys = ["prompt", "prompt_text", "prompt_content", "content", "text", "message", "messages"]
    for (const key of [...keys, "completion", "response", "promptText", "Prompt-Text", "raw_prompt"]) {
      const shallow = await refusedRow({ log_metadata: JSON.stringify({ [key]: secret }) })
      expect(shallow).toMatchObject({ code: "23514", column: "log_metadata" })
      expect(shallow.message).toContain(`"${key}"`)
      expect(JSON.stringify(shallow)).not.toContain(secret)
      const deep = JSON.stringify({ a: [{ b: [[{ [key]: [secret] }]] }] })
      expect((await refusedRow({ log_metadata: deep })).message).toContain(`"${key}"`)
    }
    expect(await refusedRow({ log_metadata: '{"\\u0070rompt": "x"}' })).toMatchObject({ code: "23514" })
    expect(await refusedRow({ detected_entity_types: '[{"text": "x"}]' })).toMatchObject({
      code: "23514",
      column: "detected_entity_types",
    })
  })

  test("of log_metadata only what is known to be about the client is stored, and a notice names what is not", async () => {
    const client = await db.client()
    const notices: { message: string | undefined; hint: string | undefined }[] = []
    client.on("notice", ({ message, hint }) => notices.push({ message, hint }))
    await client.query("set timezone = 'UTC'")
    const stored = async (metadata: string) => {
      notices.length = 0
      const row = { ...without(whole, "id"), log_metadata: metadata }
      const { rows } = await client.query(statement(row), Object.values(row))
      const read = await client.query("select log_metadata from log_entries where id = $1", [rows[0]?.id])
      expect(read.rows).toEqual([{ log_metadata: rows[0]?.log_metadata }])
      return {
        metadata: JSON.parse(rows[0]?.log_metadata ?? ""),
        said: notices.map(({ message }) => message),
      }
    }
    const secret = "my salary is 5000 a month, please write a letter"
    const known = `{"browser_version": "128.0.1", "OS": "Windows 11 Pro", "os-version": null, "browser": {"name": "Firefox", "version": 128.0}, "promptLength": 12, "platform": true}`
    expect(await stored(known)).toEqual({ metadata: JSON.parse(known), said: [] })
    expect(await stored("{}")).toEqual({ metadata: {}, said: [] })
    expect(await stored("null")).toEqual({ metadata: null, said: [] })
    const odd = {
      os: "Linux",
      note: secret,
      tags: [secret],
      browser: { name: "Firefox", page: secret, version: { os: secret } },
      locale: [secret],
      version: secret.repeat(2),
      model: `a\n${secret}`,
      [secret]: true,
      "os мой оклад": 1,
      deep: { os: "Linux" },
    }
    expect(await stored(JSON.stringify(odd))).toEqual({
      metadata: { os: "Linux", browser: { name: "Firefox" } },
      said: [
        "log_metadata: not stored: a key that is no word, browser.page, browser.version, deep, locale, model, note, tags, version",
      ],
    })
    expect(notices[0]?.hint).toContain("pgtrail profile show ai-firewall")
    for (const other of [JSON.stringify(secret), JSON.stringify([secret]), "5000"]) {
      const refusal = await refusedRow({ log_metadata: other })
      expect(refusal).toMatchObject({ code: "23514", column: "log_metadata" })
      expect(JSON.stringify(refusal)).not.toContain("salary")
    }
    expect(await db.query("select count(*) from pgtrail.event e where e::text ~ 'salary|оклад'")).toEqual([
      { count: "0" },
    ])
    await client.end()
  })

  test("types are names of one word, and a prompt fits into no other column", async () => {
    const types = async (value: string) =>
      (await insert({ ...without(whole, "id"), detected_entity_types: value })).detected_entity_types
    for (const value of [
      "[]",
      "null",
      '["EMAIL", "us-ssn", "api.key:v2"]',
      '{"EMAIL": 2, "IBAN": 1}',
      "{}",
    ]) {
      expect(await types(value)).toBe(value)
    }
    const secret = "my salary is 5000"
    const bad = [
      [secret],
      [["EMAIL"]],
      [5],
      [null],
      { EMAIL: secret },
      { [secret]: 1 },
      [{ EMAIL: 1 }],
      secret,
      ["x".repeat(65)],
    ]
    for (const value of bad) {
      const refusal = await refusedRow({ detected_entity_types: JSON.stringify(value) })
      expect(refusal, JSON.stringify(value)).toMatchObject({
        code: "23514",
        column: "detected_entity_types",
        constraint: "pgtrail_no_prompt_text",
        hint: expect.stringContaining("Nothing was changed."),
      })
      expect(JSON.stringify(refusal)).not.toContain("salary")
    }
    for (const [column, value] of [
      ["tool_type", secret],
      ["risk_level", secret],
      ["device_id", `${secret}\nnext line`],
      ["user_id", `${secret}\tx`],
      ["tool_name", `${secret}\r`],
    ] as const) {
      const refusal = await refusedRow({ [column]: value })
      expect(refusal, column).toMatchObject({ code: "23514", column })
      expect(JSON.stringify(refusal)).not.toContain("salary")
    }
    expect(await refusedRow({ device_id: "x".repeat(301) })).toMatchObject({
      code: "22001",
      column: "device_id",
    })
  })

  test("profile show says what is stored and what is not, and it is so", async () => {
    const { notes } = await trail.profile("ai-firewall")
    const [stored = "", refusedWhat = "", metadata = "", rest = ""] = notes
    const columns = await db.query(
      "select attname as name from pg_attribute where attrelid = 'log_entries'::regclass and attnum > 0 order by attnum",
    )
    expect(stored.replace(/ \(.*?\)/, "")).toBe(
      `stored of each entry: ${columns.map(({ name }) => name).join(", ")}`,
    )
    expect(refusedWhat).toMatch(/^refused, and nothing is stored: .*prompt.*detected_entity_types/)
    expect(rest).toMatch(/^not found out: a prompt that the application itself writes/)
    const keys = /^stored of log_metadata: (.*?), however/.exec(metadata)?.[1]?.split(", ") ?? []
    expect(keys.length).toBeGreaterThan(30)
    const all = Object.fromEntries(keys.map((key) => [key, "x".repeat(64)]))
    const row = await insert({ ...without(whole, "id"), log_metadata: JSON.stringify(all) })
    expect(JSON.parse(row.log_metadata ?? "")).toEqual(all)
  })

  test("a time without a zone is UTC: a session of another zone is refused, and a writer has UTC", async () => {
    const client = await db.client()
    await client.query("set time zone 'Europe/Berlin'")
    const naive = `insert into log_entries (timestamp, device_id, user_id, tool_name, tool_type, risk_level, prompt_length)
      values ('2026-11-15 10:00:00', 'd', 'naive', 'Claude', 'cli', 'green', 1)`
    await expect(client.query(naive)).rejects.toMatchObject({
      code: "23514",
      column: "timestamp",
      hint: expect.stringContaining("set timezone = 'UTC'"),
    })
    await client.end()
    const writer = await db.role()
    await trail.installProfile("ai-firewall", { organization: "acme", writers: [writer.name] })
    const session = await writer.client()
    const { rows } = await session.query(`${naive} returning id, created_at`)
    expect(rows).toHaveLength(1)
    for (const sql of ["delete from log_entries", "update log_entries set risk_level = 'green'"]) {
      await expect(session.query(sql)).rejects.toMatchObject({ code: "42501" })
    }
    await session.query("insert into devices (device_id, user_id, device_type) values ('d9', 'u', 'cli')")
    await session.query("update devices set is_active = false where device_id = 'd9'")
    await session.query("insert into firewall_configs (organization_id, updated_by) values ('default', 'w')")
    await session.end()
    expect(
      await db.query(
        "select timestamp = '2026-11-15 10:00Z' as utc from log_entries where user_id = 'naive'",
      ),
    ).toEqual([{ utc: "t" }])
  })

  test("UPDATE and DELETE are refused with what to do instead, also where no row is meant", async () => {
    for (const sql of [
      "update log_entries set risk_level = 'green'",
      "delete from log_entries where false",
    ]) {
      expect(await refused(sql)).toMatchObject({
        code: "42501",
        hint: expect.stringContaining("pgtrail retention run"),
      })
    }
  })

  test("its own filters use an index of the log", async () => {
    await db.query(
      `insert into log_entries (timestamp, device_id, user_id, tool_name, tool_type, risk_level, prompt_length)
       select timestamptz '2026-11-01Z' + i * interval '2 minutes', 'device-' || i % 40, 'user-' || i % 200, 'tool-' || i % 30, 'web',
         case when i % 50 = 0 then 'red' else 'green' end, i from generate_series(1, 4000) i`,
    )
    await db.query("analyze pgtrail.event")
    const day = "timestamp >= '2026-11-05Z' and timestamp < '2026-11-06Z'"
    const queries = {
      [`select * from log_entries where id = '${id}'`]: "event_2026_11_id_idx",
      [`select * from log_entries where ${day} order by timestamp desc`]: "occurred_at_id_idx",
      [`select * from log_entries where ${day} and risk_level = 'red' order by timestamp desc`]:
        "occurred_at_id_idx",
      [`select * from log_entries where ${day} and device_id = 'device-3' order by timestamp desc`]:
        "occurred_at_id_idx",
      "select * from log_entries where user_id = 'user-7' and timestamp > '2026-11-02Z' order by timestamp desc":
        "left_occurred_at_idx",
      "select * from log_entries where tool_name = 'tool-7' and timestamp > '2026-11-02Z'":
        "left_left1_occurred_at_idx",
    }
    for (const [sql, index] of Object.entries(queries)) {
      const rows = await db.query(`explain ${sql}`)
      const plan = rows.map((row) => row["QUERY PLAN"]).join("\n")
      expect(plan, sql).toContain(index)
      expect(plan, sql).not.toContain("Seq Scan on event_2026_11")
    }
  })
})

describe("its tables", () => {
  const hashed = "$2b$12$eImiTXuWVxfM37uY4JANjQeImiTXuWVxfM37uY4JANjQeImiTXuWV"

  test("users have a password that is hashed, and what is not is told to nobody", async () => {
    const user = "insert into users (username, email, hashed_password) values ($1, $2, $3) returning *"
    const [ada] = await db.query(user, ["ada", "ada@example.com", hashed])
    expect(ada).toMatchObject({ full_name: null, is_active: "t", is_admin: "f", last_login: null })
    const plain = await refused(user, ["bob", "bob@example.com", "hunter2"])
    expect(plain).toMatchObject({ code: "23514", column: "hashed_password" })
    expect(JSON.stringify(plain)).not.toContain("hunter2")
    expect(await refused("update users set hashed_password = 'hunter2'")).toMatchObject({ code: "23514" })
    for (const [column, values] of Object.entries({
      username: [null, "bob@example.com", hashed],
      email: ["bob", null, hashed],
      hashed_password: ["bob", "bob@example.com", null],
    })) {
      const missing = await refused(user, values)
      expect(missing).toMatchObject({ code: "23502", column, table: "users" })
      expect(JSON.stringify(missing)).not.toMatch(/[$]2b[$]|bob@/)
    }
    expect(await refused(user, ["ada", "other@example.com", hashed])).toMatchObject({ code: "23505" })
    expect(await refused(user, ["other", "ada@example.com", hashed])).toMatchObject({ code: "23505" })
    await db.query("update users set last_login = now() where username = 'ada'")
    expect(await db.query("delete from users returning username")).toEqual([{ username: "ada" }])
  })

  test("devices are one each, and their times have no zone", async () => {
    const device =
      "insert into devices (device_id, user_id, device_type) values ('one', 'ada', 'browser') returning *"
    const [one] = await db.query(device)
    expect(one).toMatchObject({ is_active: "t", registered_at: expect.not.stringContaining("+") })
    expect(await refused(device)).toMatchObject({ code: "23505" })
  })

  const rules = (organization: string) =>
    db.query(
      `select name, keep_days, event_type from pgtrail.retention_rule where organization_id = $1 and ended_seq is null`,
      [organization],
    )
  const acts = async () =>
    (await db.query("select count(*) from pgtrail.act where kind = 'retention'"))[0]?.count

  test("log_retention_days is the policy of the organization, by an act for each change and none without", async () => {
    await db.query("insert into firewall_configs (organization_id, updated_by) values ('acme', 'ada')")
    const rule = { name: "ai-firewall acme", event_type: "ai_firewall" }
    expect(await rules("acme")).toEqual([{ ...rule, keep_days: "90" }])
    const before = await acts()
    await db.query(
      "update firewall_configs set monitored_tools = '{\"ChatGPT\": true}' where organization_id = 'acme'",
    )
    await db.query("update firewall_configs set log_retention_days = 90 where organization_id = 'acme'")
    expect(await acts()).toBe(before)
    await db.query("update firewall_configs set log_retention_days = 365 where organization_id = 'acme'")
    expect(await rules("acme")).toEqual([{ ...rule, keep_days: "365" }])
    expect(Number(await acts())).toBe(Number(before) + 1)
    expect(
      await trail.explainRetention({ organization: "acme", type: "ai_firewall.interaction" }),
    ).toMatchObject({ policy: { name: "ai-firewall acme" }, later_days: "365" })
    // What other systems record in the same organization is kept as before.
    expect(await trail.explainRetention({ organization: "acme", type: "auth.login" })).toMatchObject({
      policy: { name: "standard" },
    })
  })

  test("what firewall_configs says counts again when the profile comes back, whatever became of the policy or the table", async () => {
    await db.query("create schema back")
    const installed = () => trail.installProfile("ai-firewall", { schema: "back", organization: "back" })
    await installed()
    await db.query(
      "insert into back.firewall_configs (organization_id, updated_by) values ('default', 'ada')",
    )
    expect(await rules("back")).toMatchObject([{ keep_days: "90" }])
    await trail.removeProfile("ai-firewall", { schema: "back" })
    await db.query("select pgtrail.set_retention('policy', 'ai-firewall back', null)")
    await db.query("insert into back.firewall_configs (organization_id, updated_by) values ('other', 'ada')")
    await installed()
    expect(await rules("back")).toMatchObject([{ keep_days: "90" }])
    await trail.removeProfile("ai-firewall", { schema: "back" })
    await db.query(
      "insert into back.firewall_configs (organization_id, updated_by, log_retention_days) values ('back', 'ada', 365)",
    )
    await installed()
    expect((await rules("back")).at(-1)).toMatchObject({ keep_days: "365" })
    // Installed as it is, it changes nothing that an operator set since.
    await db.query(
      "select pgtrail.set_retention('policy', 'ai-firewall back', 400, 'back', null, 'ai_firewall')",
    )
    await installed()
    expect((await rules("back")).at(-1)).toMatchObject({ keep_days: "400" })
    await trail.removeProfile("ai-firewall", { schema: "back" })
  })

  test("29 and 366 days are refused, and change nothing", async () => {
    const before = await acts()
    for (const days of [29, 366]) {
      expect(
        await refused(
          `update firewall_configs set log_retention_days = ${days} where organization_id = 'acme'`,
        ),
      ).toMatchObject({ code: "23514", constraint: "firewall_configs_log_retention_days_check" })
    }
    await db.query("update firewall_configs set log_retention_days = 30 where organization_id = 'acme'")
    expect(Number(await acts())).toBe(Number(before) + 1)
  })

  test("an organization of any name has a policy", async () => {
    for (const [n, name] of ["ö".repeat(128), "trailing ", "line\nbreak", "it's"].entries()) {
      await db.query(`create schema named_${n}`)
      await trail.installProfile("ai-firewall", { schema: `named_${n}`, organization: name })
      // What the application calls it where it was told no other name.
      const insert = `insert into named_${n}.firewall_configs (organization_id, updated_by, log_retention_days) values`
      await db.query(`${insert} ('default', 'ada', 60)`)
      expect(await rules(name)).toMatchObject([{ keep_days: "60" }])
      await db.query(`${insert} ($1, 'ada', 90)`, [name])
      expect((await rules(name)).at(-1)).toMatchObject({ keep_days: "90" })
      await db.query(
        `update named_${n}.firewall_configs set log_retention_days = 70 where organization_id = 'default'`,
      )
      expect((await rules(name)).at(-1)).toMatchObject({ keep_days: "90" })
      await expect(db.query(`${insert} ('another', 'ada', 30)`)).rejects.toMatchObject({
        code: "23514",
        column: "organization_id",
        hint: expect.stringContaining("pgtrail profile install ai-firewall --org"),
      })
      expect(await rules("another")).toEqual([])
    }
  })
})

test("twelve writers at once lose nothing, an erased person's row is readable, and the log verifies", async () => {
  await withClients(db, 12, async (client, n) => {
    await client.query("set time zone 'UTC'")
    for (let i = 0; i < 10; i += 1) {
      await client.query(
        `insert into log_entries (device_id, user_id, tool_name, tool_type, risk_level, prompt_length)
         values ('d', $1, 'writers', 'cli', 'green', $2)`,
        [`w${n}`, i],
      )
    }
  })
  expect(
    await db.query(
      "select count(*), count(distinct user_id) as users from log_entries where tool_name = 'writers'",
    ),
  ).toEqual([{ count: "120", users: "12" }])
  await trail.eraseSubject([{ kind: "id", value: "ada" }], { reason: "r", requestedBy: "w", confirm: "ada" })
  const rows = await db.query("select * from log_entries where id = $1", [id])
  expect(rows).toHaveLength(1)
  expect(rows[0]?.user_id).not.toBe("ada")
  expect(await trail.verify()).toMatchObject({ verdict: "intact" })
})

test("what another organization or another system recorded is not shown, nor is its own lost to a reader", async () => {
  const [before] = await db.query("select count(*) from log_entries")
  await db.query(
    `insert into pgtrail.event (organization_id, source, event_type, details)
     values ('globex', 'ai-firewall', 'x', null), ('acme', null, 'x', null), ('acme', 'agenttrace', 'x', null)`,
  )
  expect(await db.query("select count(*) from log_entries")).toEqual([before])
  // Whatever its details have become, an event can be read.
  await db.query(
    `insert into pgtrail.event (organization_id, source, event_type, details)
     select 'acme', 'ai-firewall', 'odd', d::jsonb from unnest(array[null, '"[erased]"', '{"prompt_length": "[erased]", "was_sanitized": 3}',
       '{"prompt_length": 1e30, "entity_count": {}}', '[1]']) d`,
  )
  const reader = await db.role()
  await trail.installProfile("ai-firewall", { organization: "acme", readers: [reader.name] })
  const client = await reader.client()
  const { rows } = await client.query("select * from log_entries")
  expect(rows).toHaveLength(Number(before?.count) + 5)
  await expect(
    client.query("insert into devices (device_id, user_id, device_type) values ('r', 'r', 'r')"),
  ).rejects.toMatchObject({ code: "42501" })
  await client.end()
})

test("removed, the tables keep their rows and the events stay; installed again, both are there", async () => {
  const [before] = await db.query("select count(*) from log_entries")
  await trail.removeProfile("ai-firewall")
  expect(await db.query("select count(*) from firewall_configs where organization_id = 'acme'")).toEqual([
    { count: "1" },
  ])
  await trail.installProfile("ai-firewall", { organization: "acme" })
  expect(await db.query("select count(*) from log_entries")).toEqual([before])
})
