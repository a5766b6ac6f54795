// Every filter, alone and together, gives what a plain filter over all events gives, in either order and on pages of any size.
import { BlockList, isIPv6 } from "node:net"
import fc from "fast-check"
import type pg from "pg"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { Criteria, EventFilter, EventRow, Trail } from "../../src/data/index.js"
import { type CriterionName, criterionNames } from "../../src/data/query/criteria.js"
import { conditionText } from "../../src/data/query/filter.js"
import { prepareFilter } from "../../src/data/query/prepare.js"
import { searchText } from "../../src/data/query/search-text.js"
import { readSource } from "../../src/data/query/source.js"
import { type Role, type TestDatabase, testDatabase } from "../database.js"

/** Values of each column, odd ones among them; each event has one of each list. */
const pools = {
  organization_id: ["acme", "a/b", "o'k"],
  project_id: [null, "p1", "p%"],
  event_type: ["auth.login", "auth.logout", "a_b", "a%b", "a*b", "data.read"],
  category: [null, "auth", ""],
  action: ["read", "write"],
  severity: ["debug", "info", "warning", "error", "critical"],
  outcome: ["attempt", "success", "failure", "denied", "error"],
  actor_id: [null, "ann", "bob", `${"é".repeat(310)}1`, `${"é".repeat(310)}2`],
  actor_name: [null, "Ann", "Bob O'Neil", "50% off_"],
  actor_email: [null, "ann@example.com", "bob@example.org"],
  actor_type: [null, "user", "service"],
  actor_role: [null, "admin"],
  ip_address: [null, "10.1.2.3", "10.1.9.9", "192.168.0.1", "2001:db8::1", "2001:db9::1"],
  device_id: [null, "d\\1"],
  session_id: [null, "s1", "s2"],
  resource_type: [null, "file", "AWS::S3"],
  resource_id: [null, "1", "a/b"],
  namespace: [null, "ns"],
  request_id: [null, "r1", "r2"],
  correlation_id: [null, "c1"],
  request_method: [null, "GET", "POST"],
  status_code: [null, "200", "404", "500", "599", "-5"],
  data_classification: [null, "PUBLIC", "PHI"],
  tags: [null, "{}", "{a}", '{a,"b c"}', "{null}"],
  compliance_tags: [null, "{PCI,HIPAA}"],
  description: [null, "Copied 100% of it", "\\back_slash", "ÉTÉ"],
  details: [null, '{"n": 1, "user": {"plan": "pro"}}', '{"n": 7, "s": "a\\"b"}', "[1, 2]", '"text"'],
} as const satisfies Record<string, readonly (string | null)[]>

let db: TestDatabase
let trail: Trail
let rows: readonly EventRow[]
let oldestFirst: readonly string[]
let bound: Role
let session: pg.Client
beforeAll(async () => {
  db = await testDatabase()
  await db.query("select pgtrail.create_months('2020-01-01Z', '2020-04-30Z')")
  const columns = Object.keys(pools)
  let state = 12_345
  const draw = (below: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return Math.floor((state / 2 ** 31) * below)
  }
  const events = Array.from({ length: 300 }, () => [
    // Some at the same moment, some in DEFAULT.
    `${2020 + (draw(9) === 0 ? 5 : 0)}-0${1 + draw(5)}-0${1 + draw(3)}T00:00:00Z`,
    ...Object.values(pools).map((pool) => pool[draw(pool.length)] ?? null),
  ])
  const types: Record<string, string> = {
    ip_address: "inet",
    status_code: "int",
    tags: "text[]",
    compliance_tags: "text[]",
    details: "jsonb",
  }
  const names = ["occurred_at", ...columns]
  await db.query(
    `insert into pgtrail.event (${names.join(", ")})
     select ${names.map((name) => `e.${name}::${name === "occurred_at" ? "timestamptz" : (types[name] ?? "text")}`).join(", ")}
     from jsonb_to_recordset($1::jsonb) e (${names.map((name) => `${name} text`).join(", ")})`,
    [JSON.stringify(events.map((event) => Object.fromEntries(event.map((value, at) => [names[at], value]))))],
  )
  trail = await db.trail()
  rows = await read({})
  const sorted = await db.query(
    "select organization_id, lane, seq from pgtrail.event order by occurred_at, organization_id, lane, seq",
  )
  oldestFirst = sorted.map(place)
  bound = await db.role()
  session = await db.client()
})
afterAll(async () => {
  await session.end()
  await db.drop()
})

const place = (row: EventRow): string => `${row.organization_id}/${row.lane}/${row.seq}`

async function read(filter: EventFilter, from = trail): Promise<EventRow[]> {
  const found: EventRow[] = []
  for await (const row of await from.query(filter)) found.push(row)
  return found
}

/** What a session may read does not change while it lasts. */
const sources = new WeakMap<pg.Client, Awaited<ReturnType<typeof readSource>>>()

/** One statement on one session: what a walk asks of a segment, without the time to connect. */
async function places(filter: EventFilter, client = session): Promise<string[]> {
  const source = sources.get(client) ?? (await readSource(client))
  sources.set(client, source)
  const prepared = await prepareFilter(client, filter, source)
  const { text, params } = conditionText(prepared, {}, source, 1)
  const found = await client.query<EventRow>(
    `select organization_id, lane, seq from pgtrail.${source.events} where ${text}
     order by occurred_at desc, organization_id, lane, seq desc`,
    [...params],
  )
  return found.rows.map(place)
}

async function pages(
  filter: EventFilter,
  order: "newest" | "oldest",
  limit: number,
  from = trail,
): Promise<string[]> {
  const found: string[] = []
  let after: string | undefined
  do {
    const page = await from.query({ ...filter, order, limit, after })
    const before = found.length
    for await (const row of page) found.push(place(row))
    expect(found.length - before).toBeLessThanOrEqual(limit)
    expect(page.more).toBe(page.next !== null)
    after = page.next ?? undefined
  } while (after !== undefined)
  return found
}

const globbed =
  (glob: string) =>
  (value: string): boolean => {
    const source = [...glob.matchAll(/\\[*?\\]|./gsu)].map(([token]) =>
      token === "*"
        ? ".*"
        : token === "?"
          ? "."
          : token.replace(/^\\(.)/s, "$1").replace(/[.*+?^${}()|[\]\\/]/g, "\\$&"),
    )
    return new RegExp(`^${source.join("")}$`, "su").test(value)
  }

const lower = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())

function inNetwork(network: string, address: string): boolean {
  const [base = "", bits] = network.split("/")
  const family = isIPv6(base) ? "ipv6" : "ipv4"
  const list = new BlockList()
  list.addSubnet(base, Number(bits ?? (family === "ipv6" ? 128 : 32)), family)
  // Node takes an address of version 4 for one of version 6 where that helps it; inet does not.
  return isIPv6(address) === (family === "ipv6") && list.check(address, family)
}

const severities: readonly string[] = pools.severity
const paths: Record<string, (details: { n?: number; user?: { plan?: string } } | null) => boolean> = {
  "$.n > 3": (details) => (details?.n ?? 0) > 3,
  '$.user.plan == "pro"': (details) => details?.user?.plan === "pro",
  "exists($.n)": (details) => details?.n !== undefined,
}

/** What each criterion means, said once more, over the text of an event; null meets none. */
const meant: { readonly [K in CriterionName]: (row: EventRow, value: string) => boolean } = {
  organization: (row, value) => row.organization_id === value,
  project: (row, value) => row.project_id === value,
  type: (row, value) => globbed(value)(row.event_type ?? ""),
  category: (row, value) => row.category === value,
  action: (row, value) => row.action === value,
  severity: (row, value) => {
    const [from = "", to = from] = value.split("..")
    const at = severities.indexOf(row.severity ?? "")
    return at >= Math.max(0, severities.indexOf(from)) && at <= (to === "" ? 4 : severities.indexOf(to))
  },
  outcome: (row, value) => row.outcome === value,
  actor: (row, value) => row.actor_id === value,
  actorName: (row, value) => row.actor_name !== null && globbed(value)(row.actor_name ?? ""),
  actorEmail: (row, value) => row.actor_email !== null && globbed(value)(row.actor_email ?? ""),
  actorType: (row, value) => row.actor_type === value,
  role: (row, value) => row.actor_role === value,
  ip: (row, value) => row.ip_address !== null && inNetwork(value, row.ip_address ?? ""),
  device: (row, value) => row.device_id === value,
  session: (row, value) => row.session_id === value,
  resource: (row, value) =>
    value.includes("/") ? `${row.resource_type}/${row.resource_id}` === value : row.resource_type === value,
  namespace: (row, value) => row.namespace === value,
  request: (row, value) => row.request_id === value,
  correlation: (row, value) => row.correlation_id === value,
  method: (row, value) => row.request_method === value,
  statusCode: (row, value) => {
    if (row.status_code === null) return false
    const code = Number(row.status_code)
    if (value.endsWith("xx")) return Math.trunc(code / 100) === Number(value[0]) && code > 0
    const [from = "", to = from] = value.split("..")
    return (from === "" || code >= Number(from)) && (to === "" || code <= Number(to))
  },
  classification: (row, value) => row.data_classification === value,
  policy: (row, value) => row.retention_policy === value,
  tag: (row, value) => (JSON.parse(row.tags ?? "[]") as (string | null)[]).includes(value),
  compliance: (row, value) => (JSON.parse(row.compliance_tags ?? "[]") as string[]).includes(value),
  at: (row, value) => place(row) === value,
  grep: (row, value) =>
    lower(
      [
        row.description,
        row.error_message,
        row.actor_name,
        row.actor_email,
        row.resource_name,
        row.request_params,
        row.before_state,
        row.after_state,
        row.details,
      ]
        .map((text) => text ?? "")
        .join(" "),
    ).includes(lower(value)),
  where: (row, value) => row.details !== null && (paths[value]?.(JSON.parse(row.details ?? "")) ?? false),
}

const values: { readonly [K in CriterionName]: readonly string[] } = {
  organization: [...pools.organization_id, "nobody"],
  project: ["p1", "p%"],
  type: ["auth.login", "auth.*", "*", "a?b", "a\\*b", "*%*", "?????????*"],
  category: ["auth", ""],
  action: ["read"],
  severity: ["critical", "info", "warning..", "..info", "info..error"],
  outcome: ["denied", "failure", "success"],
  actor: ["ann", "bob", `${"é".repeat(310)}2`],
  actorName: ["Ann", "*O'N*", "50% off_", "50? off?"],
  actorEmail: ["*@example.com", "bob@example.org"],
  actorType: ["user", "service"],
  role: ["admin"],
  ip: ["10.1.2.3", "10.1.0.0/16", "10.0.0.0/8", "2001:db8::/32", "0.0.0.0/0", "::/0"],
  device: ["d\\1"],
  session: ["s1", "s2"],
  resource: ["file", "file/1", "file/a/b", "AWS::S3/1"],
  namespace: ["ns"],
  request: ["r1"],
  correlation: ["c1"],
  method: ["GET", "POST"],
  statusCode: ["404", "5xx", "200..404", "500..", "..0"],
  classification: ["PUBLIC", "PHI"],
  policy: ["standard", "none"],
  tag: ["a", "b c"],
  compliance: ["PCI", "HIPAA"],
  at: ["acme/0/1", "a/b/0/2", "o'k/0/3"],
  grep: ["100% OF", "\\BACK_", "été", "É", "ANN", "pro", "_"],
  where: Object.keys(paths),
}

const list = (value: Criteria[CriterionName]): readonly string[] =>
  typeof value === "string" ? [value] : (value ?? [])

const matches = (row: EventRow, filter: EventFilter): boolean =>
  criterionNames.every((name) => {
    const [wanted, unwanted] = [list(filter[name]), list(filter.not?.[name])]
    return (
      (wanted.length === 0 || wanted.some((value) => meant[name](row, value))) &&
      !unwanted.some((value) => meant[name](row, value))
    )
  })

const criteriaOf = (most: number): fc.Arbitrary<Criteria> =>
  fc
    .uniqueArray(fc.constantFrom(...criterionNames), { maxLength: most })
    .chain((names) =>
      fc.record(
        Object.fromEntries(
          names.map((name) => [
            name,
            fc.uniqueArray(fc.constantFrom(...values[name]), { minLength: 1, maxLength: 3 }),
          ]),
        ),
      ),
    )

test("each filter by each of its values, and all but what meets it", async () => {
  for (const name of criterionNames) {
    let found = 0
    for (const value of values[name]) {
      const expected = rows.filter((row) => meant[name](row, value)).map(place)
      found += expected.length
      expect(await places({ [name]: value }), `${name} ${value}`).toEqual(expected)
      const others = rows.filter((row) => !meant[name](row, value)).map(place)
      expect(await places({ not: { [name]: value } }), `not ${name} ${value}`).toEqual(others)
    }
    expect(found, name).toBeGreaterThan(0)
  }
})

test("random filters give what a plain filter over all events gives: the list, the count, either order, pages of any size", async () => {
  let found = 0
  await fc.assert(
    fc.asyncProperty(
      criteriaOf(3),
      criteriaOf(2),
      fc.constantFrom(undefined, "2020-02-02T00:00:00.000000Z"),
      fc.constantFrom(undefined, "2020-04-03T00:00:00.000000Z"),
      fc.integer({ min: 1, max: 60 }),
      async (wanted, unwanted, since, until, size) => {
        const filter = { ...wanted, not: unwanted, since, until }
        const expected = rows
          .filter((row) => matches(row, filter))
          .filter(({ occurred_at: time }) => (time ?? "") >= (since ?? "") && (time ?? "") < (until ?? "9"))
          .map(place)
        found += expected.length
        expect(await trail.count(filter)).toBe(String(expected.length))
        const limit = Math.max(size, Math.ceil(expected.length / 3))
        expect(await pages(filter, "newest", limit)).toEqual(expected)
        const among = new Set(expected)
        expect(await pages(filter, "oldest", limit)).toEqual(oldestFirst.filter((one) => among.has(one)))
      },
    ),
    { numRuns: 12, seed: 5 },
  )
  expect(found).toBeGreaterThan(250)
})

test("a reader of one organization gets by each filter what that filter gives of his organization, on pages too", async () => {
  await trail.grant({ right: "reader", role: bound.name, organizations: ["acme"] })
  const his = await db.trail({ url: bound.url })
  const client = await bound.client()
  const own = rows.filter((row) => row.organization_id === "acme")
  for (const name of criterionNames) {
    for (const value of values[name]) {
      const expected = own.filter((row) => meant[name](row, value)).map(place)
      expect(await places({ [name]: value }, client), `${name} ${value}`).toEqual(expected)
    }
  }
  await client.end()
  const filter = { type: "a*", not: { ip: "10.0.0.0/8" } }
  const expected = own.filter((row) => matches(row, filter)).map(place)
  expect(expected.length).toBeGreaterThan(20)
  expect(await pages(filter, "newest", 17, his)).toEqual(expected)
  expect(await his.count(filter)).toBe(String(expected.length))
  // The planner's statistics are of all organizations.
  for (const ask of [() => his.estimate(filter), () => his.explain(filter)]) {
    await expect(ask()).rejects.toMatchObject({ code: "privilege", hint: "pgtrail query --count" })
  }
  const drawn: string[] = []
  for await (const row of await his.sample({ size: 1000, seed: "s" })) drawn.push(place(row))
  expect(drawn).toEqual(own.map(place))
})

describe("hostile values find nothing or are refused, in every filter", () => {
  const globs: readonly CriterionName[] = ["type", "actorName", "actorEmail", "resource", "grep"]
  const path: readonly CriterionName[] = ["where", "grep"]
  /** `read`: the filters that read something in it; to the others it is any megabyte. */
  const hostile: readonly [name: string, value: string, read?: readonly CriterionName[]][] = [
    ["a quote", "'"],
    ["SQL", "'; drop table pgtrail.event; --"],
    ["a double quote", '"'],
    ["dollar quotes", "$$ $1 $x$"],
    ["wildcards of LIKE", "%_%"],
    ["a backslash", "\\"],
    ["a backslash at the end", "a\\"],
    ["NUL", "a\0b"],
    ["half a character", "a\ud800b"],
    ["line ends", "a\r\nb"],
    ["an escape", "\u001b[31m"],
    ["nothing", ""],
    ["braces of an array", "{a,b}"],
    ["ranges", ".."],
    ["a range of nothing", "9..1"],
    ["a number beyond all", "99999999999999999999"],
    ["a place beyond all", "a/99999/999999999999999999999"],
    ["a network too long", "10.0.0.0/33"],
    ["an address with a zone", "fe80::1%eth0"],
    ["a megabyte", "x".repeat(1_000_000)],
    ["a hundred kilobytes of quotes", "'".repeat(100_000)],
    ["a hundred kilobytes of wildcards", "*%_?".repeat(25_000), globs],
    ["a path a megabyte deep", `$${".a".repeat(500_000)} == 1`, path],
    ["a megabyte of parentheses", `${"(".repeat(500_000)}1${")".repeat(500_000)}`, path],
    ["the last character", "\u{10ffff}"],
  ]
  test.each(hostile)("%s", async (_, value, read = criterionNames) => {
    for (const name of read) {
      for (const filter of [{ [name]: value }, { not: { [name]: value } }]) {
        const answer = await places(filter).catch((error: unknown) => error)
        if (Array.isArray(answer)) continue
        expect(answer, name).toMatchObject({ name: "TrailError", code: "usage" })
        // A megabyte is not thrown back at whoever typed it.
        expect(String(answer).length, name).toBeLessThan(1000)
      }
    }
    expect(await db.query("select count(*) as n from pgtrail.event")).toEqual([{ n: "300" }])
  })
})

describe("a path", () => {
  test.each([
    ["$.a ==", "is no path that the server reads: syntax error at end of jsonpath input"],
    ["$.a = 'x'", "is no path that the server reads: "],
    ['$.a like_regex "["', "is no path that the server reads: "],
    ["", "is no path that the server reads: "],
    ["$.a", "is not true or false"],
    ["$.a ? (@ > 1)", "is not true or false"],
    ["1", "is not true or false"],
    ["$x == 1", ""],
    ["exists($.n) && $x == 1", "names a variable, and nothing gives it a value"],
  ])("%s is refused", async (path, why) => {
    const error = await read({ where: path }).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: "usage" })
    expect(String(error)).toContain(`--where "${path}" ${why}`)
  })

  test("that compares what cannot be compared matches nothing, and one in strict mode no more", async () => {
    for (const where of [
      '$.n == "seven"',
      "strict $.n == 7 && $.missing.more == 1",
      "$.s.double() > 3",
      '$.s == "$x"',
    ]) {
      expect(await read({ where })).toEqual([])
    }
  })

  test("over times that only the events know is refused with the server's reason", async () => {
    await db.query(
      "insert into pgtrail.event (organization_id, event_type, details) values ('times', 't', '{\"at\": \"2026-01-01T00:00:00\"}')",
    )
    const where = '$.at.datetime() < "2026-01-02T00:00:00+00:00".datetime()'
    await expect(read({ where, organization: "times" })).rejects.toMatchObject({ code: "usage" })
  })
})

test("what --grep looks through is one expression that an index can hold", async () => {
  await db.query(`create index on pgtrail.event ((${searchText}))`)
})
