// A reader of one organization sees that one alone: in every table, view and function, by every command, and by no trick of his.
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Client } from "pg"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { commands } from "../../src/cli/commands.js"
import type { Trail } from "../../src/data/index.js"
import { runInProcess } from "../cli/io.js"
import { words } from "../cli/transcript.js"
import { type Role, type TestDatabase, testDatabase } from "../database.js"
import { urlOfRole } from "../url.js"

/** Stands in every text of the other organization, and in its name. */
const secret = "globex"
const all: TestDatabase[] = []
let db: TestDatabase
let trail: Trail
let role: Role
let his: Trail
let client: Client
const fill = `
  insert into pgtrail.event (organization_id, event_type, severity, actor_id, actor_name, actor_email, session_id, resource_type, resource_id,
    request_id, description, details, tags, occurred_at)
  select o, o || '.type', case when i % 10 = 0 then 'critical' else 'info' end, o || i % 3, o, o || '@example.org', o || i, o, o || i, o || i,
    o, jsonb_build_object('n', case when o = 'acme' then i::text else o end), array[o], now() - i * interval '1 day'
  from generate_series(1, 130) i, unnest(array['acme', 'globex']) o order by i`
beforeAll(async () => {
  db = await testDatabase()
  all.push(db)
  trail = await db.trail()
  await db.query(fill)
  await db.query("analyze pgtrail.event")
  role = await db.role()
  await trail.grant({ right: "reader", role: role.name, organizations: ["acme"] })
  await trail.grant({ right: "reader", role: (await db.role()).name, organizations: ["globex"] })
  expect((await trail.verify()).verdict).toBe("intact")
  his = await db.trail({ url: role.url })
  client = await role.client()
})
afterAll(async () => {
  for (const database of all) await database.drop()
})

/** What he gets, or the server's no. */
async function answer(sql: string, params: unknown[] = [], as = client): Promise<string> {
  return as.query(sql, params).then(
    ({ rows }) => JSON.stringify(rows),
    ({ code }: { code: string }) => `refused ${code}`,
  )
}

test("of every relation of the schema, whole and column by column, he reads nothing of another organization", async () => {
  const columns = await db.query(
    `select c.oid::regclass::text as relation, quote_ident(a.attname) as name from pg_class c
     join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where c.relnamespace = 'pgtrail'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') order by 1, a.attnum`,
  )
  expect(columns.length).toBeGreaterThan(300)
  const readable = new Map<string, string[]>()
  for (const { relation, name } of columns) {
    const found = await answer(`select ${name} from ${relation}`)
    expect(found, `${relation}.${name}`).not.toContain(secret)
    if (found === "refused 42501") continue
    expect(found).not.toContain("refused")
    readable.set(relation ?? "", [...(readable.get(relation ?? "") ?? []), name ?? ""])
  }
  expect([...readable.keys()].sort()).toEqual(
    [
      "detached_partition",
      "incarnation",
      "log",
      "migration",
      "organization_event",
      "organization_head",
      "setting",
    ].map((name) => `pgtrail.${name}`),
  )
  expect(readable.get("pgtrail.incarnation")).toEqual(["number", "log_id"])
  expect(readable.get("pgtrail.organization_event")?.length).toBeGreaterThan(60)
  for (const relation of readable.keys())
    expect(await answer(`select r::text from ${relation} r`)).not.toContain(secret)
})

test("he may call no function of the schema but that which records what he took away, and that which folds letters, and change nothing", async () => {
  expect(
    await db.query(
      `select p.proname as may from pg_proc p
       where p.pronamespace = 'pgtrail'::regnamespace and has_function_privilege($1, p.oid, 'execute')
       order by 1`,
      [role.name],
    ),
  ).toEqual([{ may: "fold_text" }, { may: "record_export" }])
  for (const sql of [
    "insert into pgtrail.organization_event (organization_id, event_type) values ('globex', 'x')",
    "delete from pgtrail.organization_event",
    "update pgtrail.organization_head set seq = 1",
    "insert into pgtrail.organization_reader values (current_user, 'globex')",
    "create view pgtrail.mine as select 1",
    "create rule mine as on select to pgtrail.organization_head do instead select 1",
  ]) {
    expect(await answer(sql), sql).toMatch(/^refused (42501|55000|42809)$/)
  }
})

test("statistics, sizes and the texts of the catalog tell him no value", async () => {
  for (const view of ["pg_stats", "pg_stats_ext", "pg_stats_ext_exprs"]) {
    expect(await answer(`select * from ${view} where schemaname = 'pgtrail'`)).not.toContain(secret)
  }
  expect(await answer("select * from pg_statistic")).toBe("refused 42501")
  const seen = await db.query(
    "select count(*) as n from pg_stats where schemaname = 'pgtrail' and most_common_vals::text like '%globex%'",
  )
  expect(seen).not.toEqual([{ n: "0" }])
})

test("no function, operator or cast of his, however cheap, is called for a row of another organization", async () => {
  await client.query(`
    create function pg_temp.leak(value text) returns boolean language plpgsql cost 0.0000001 as $$
    begin
      if value like '%globex%' then raise exception 'leaked %', value; end if;
      return true;
    end $$;
    create function pg_temp.equal(text, text) returns boolean language plpgsql cost 0.0000001 as $$
    begin
      perform pg_temp.leak($1); return $1 operator(pg_catalog.=) $2;
    end $$;
    create operator pg_temp.=== (leftarg = text, rightarg = text, function = pg_temp.equal, restrict = eqsel);
    create domain pg_temp.tight as text check (pg_temp.leak(value));
    create function pg_temp.add(boolean, text) returns boolean language sql as 'select pg_temp.leak($2)';
    create aggregate pg_temp.leaks(text) (sfunc = pg_temp.add, stype = boolean)`)
  const tried = [
    "where pg_temp.leak(organization_id)",
    "where pg_temp.leak(event_type_prefix) and organization_id = 'globex'",
    "where organization_id = 'globex' and pg_temp.leak(actor_id)",
    "where organization_id operator(pg_temp.===) 'globex'",
    "where organization_id::pg_temp.tight is not null",
    "where (details ->> 'n')::int > 0",
    "where 1 / (length(organization_id) - 6) <> 0",
    "where case when organization_id = 'globex' then 1 / (ascii(organization_id) - 103) = 1 else true end",
    "where event_type like 'g%' escape '' and pg_temp.leak(event_type)",
    "where event_type ~ ('globex' || organization_id || '(')",
    "order by pg_temp.leak(organization_id), details ->> 'n'",
    "e join (values ('globex')) v (x) on pg_temp.leak(e.organization_id) and v.x = e.organization_id",
    "e left join lateral (select pg_temp.leak(e.actor_id)) l on true",
    "where pg_temp.leak(to_jsonb(organization_event)::text)",
    "group by organization_id having pg_temp.leaks(actor_email)",
    "where tableoid::regclass::text = 'x'",
  ]
  for (const sql of tried) {
    for (const setting of ["on", "off"]) {
      await client.query(
        `set enable_seqscan = ${setting}; set enable_sort = ${setting}; set enable_hashjoin = ${setting}`,
      )
      const failure = await client
        .query(`select count(*) from (select organization_id from pgtrail.organization_event ${sql}) x`)
        .then(
          () => "",
          (error: Error) => error.message,
        )
      expect(failure, sql).not.toMatch(/leaked|division|invalid input syntax/)
      expect(
        failure === "" || /regular expression|escape|does not exist/.test(failure),
        `${sql}: ${failure}`,
      ).toBe(true)
    }
  }
  await client.query("reset all")
  // The trick works where there is no barrier.
  await db.query(`create view public.open_view as select * from pgtrail.event where organization_id = 'acme'`)
  await db.query(`grant select on public.open_view to ${role.name}`)
  await expect(
    client.query("select count(*) from public.open_view where pg_temp.leak(organization_id)"),
  ).rejects.toThrow("leaked")
  await db.query("drop view public.open_view")
})

test("nothing that he sets, hides in pg_temp or becomes widens what he is bound to", async () => {
  const count =
    "select count(*) as n, min(organization_id) as least, max(organization_id) as most from pgtrail.organization_event"
  const mine = JSON.stringify([{ n: "130", least: "acme", most: "acme" }])
  expect(await answer(count)).toBe(mine)
  const hostile = await role.client()
  for (const sql of [
    "set search_path = pg_temp, pgtrail, public",
    "create temp table organization_reader as select current_user::text as role_name, 'globex'::text as organization_id",
    "create temp view pg_roles as select 10::oid as oid, current_user as rolname",
    "create function pg_temp.pg_has_role(name, oid, text) returns boolean language sql as 'select true'",
    "set row_security = off",
    "set session_replication_role = replica",
    "set pgtrail.organization = 'globex'",
    "set role pgtrail_reader",
    "set session authorization pgtrail_owner",
    "grant pgtrail_reader to current_user",
    "prepare p (text) as select count(*) from pgtrail.organization_event where organization_id = $1",
  ]) {
    await answer(sql, [], hostile)
    expect(await answer(count, [], hostile), sql).toBe(mine)
  }
  expect(await answer("execute p ('globex')", [], hostile)).toBe('[{"count":"0"}]')
  // As the group itself he is bound to nothing: the binding is his own.
  expect(await answer("set role pgtrail_organization_reader", [], hostile)).toBe("[]")
  expect(await answer(count, [], hostile)).toContain('"n":"0"')
})

test("a binding in one database says nothing in another", async () => {
  const other = await testDatabase()
  all.push(other)
  await other.query(fill)
  const there = await other.trail({ url: urlOfRole(other.url, role.name, role.password) })
  const rows = []
  for await (const row of await there.query()) rows.push(row)
  expect(rows).toEqual([])
})

test("who inherits from a bound role reads with it, who must SET ROLE reads after that, and a superuser reads the table", async () => {
  const member = await db.role({ memberOf: [role.name] })
  const shy = await db.role({ attributes: "noinherit" })
  await db.query(`grant ${role.name} to ${shy.name}`)
  const count = "select count(*) from pgtrail.organization_event"
  const of = async (name: Role, ...before: string[]) => {
    const session = await name.client()
    for (const sql of before) await session.query(sql)
    const found = await answer(count, [], session)
    await session.end()
    return found
  }
  expect(await of(member)).toBe('[{"count":"130"}]')
  expect(await of(shy)).toBe("refused 42501")
  expect(await of(shy, `set role ${role.name}`)).toBe('[{"count":"130"}]')
  let events = 0
  for await (const _ of await trail.query()) events += 1
  expect(events).toBe(260)
})

describe("by the library", () => {
  test("query gives his events alone, in order, page by page, and what he asks of another is empty", async () => {
    const read = async (query: Parameters<Trail["query"]>[0], from = his) => {
      const rows = []
      for await (const row of await from.query(query))
        rows.push(`${row.organization_id} ${row.lane}/${row.seq}`)
      return rows
    }
    const acme = await read({ organization: "acme" }, trail)
    expect(acme).toHaveLength(130)
    expect(await read({})).toEqual(acme)
    expect(await read({ limit: 7 })).toEqual(acme.slice(0, 7))
    expect(await read({ organization: "globex" })).toEqual([])
    for (const filter of [
      { actor: "acme1" },
      { type: "acme.*" },
      { type: "acme.type" },
      { type: "*.type" },
      { resource: "acme/acme3" },
      { severity: "critical" as const },
      { since: new Date(Date.now() - 9 * 864e5).toISOString() },
    ]) {
      const found = await read(filter)
      expect(found, JSON.stringify(filter)).toEqual(await read({ ...filter, organization: "acme" }, trail))
      expect(found.length).toBeGreaterThan(0)
    }
    for (const type of ["globex.*", "g*", "globex.type"]) expect(await read({ type })).toEqual([])
  })

  test("who is bound to two organizations reads both in one order, page by page, and one the moment that the other is revoked", async () => {
    const two = await db.role()
    const request = { right: "reader", role: two.name } as const
    await trail.grant({ ...request, organizations: ["acme", "globex"] })
    const from = await db.trail({ url: two.url })
    const read = async (by: Trail, limit?: number) => {
      const rows = []
      for await (const row of await by.query({ limit }))
        rows.push(`${row.occurred_at} ${row.organization_id} ${row.seq}`)
      return rows
    }
    const whole = await read(trail)
    expect(whole).toHaveLength(260)
    expect(await read(from)).toEqual(whole)
    expect(await read(from, 31)).toEqual(whole.slice(0, 31))
    const session = await two.client()
    const count = "select count(*) from pgtrail.organization_event"
    expect(await answer(count, [], session)).toBe('[{"count":"260"}]')
    await trail.revoke({ ...request, organizations: ["globex"] })
    expect(await answer(count, [], session)).toBe('[{"count":"130"}]')
    await trail.revoke(request)
    expect(await answer(count, [], session)).toBe("refused 42501")
    await session.end()
  })

  test("show verifies his event from its lane, and knows none of another", async () => {
    expect(await his.show({ organization: "acme", lane: "0", seq: "130" })).toMatchObject({
      verifies: true,
      newest: true,
      next: null,
    })
    expect(await his.show({ organization: "acme", lane: "0", seq: "1" })).toMatchObject({
      verifies: true,
      newest: false,
    })
    await expect(his.show({ organization: "globex", lane: "0", seq: "1" })).rejects.toMatchObject({
      code: "not-found",
    })
    const [other] = await db.query("select id from pgtrail.event where organization_id = 'globex' limit 1")
    expect(await his.eventsWithId(other?.id ?? "")).toEqual([])
  })

  test("verify says that it would see too little, and does not say intact", async () => {
    await expect(his.verify()).rejects.toMatchObject({
      code: "privilege",
      message: "this role reads the events of some organizations alone, and who verifies must see all",
      hint: expect.stringContaining("pgtrail_auditor"),
    })
    await expect(his.verify({ organization: "acme" })).rejects.toMatchObject({ code: "privilege" })
  })
})

describe("by each command, with the first of its examples that ends", () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "pgtrail-access-"))
  })
  afterAll(() => rm(folder, { recursive: true }))

  // These ask no database, or make one of their own.
  const others = /^(embedded|completion|checkpoint (keygen|verify))/
  test.each(commands.map(({ name }) => name).filter((name) => !others.test(name)))("%s", async (name) => {
    const entry = commands.find((one) => one.name === name)
    const examples = (await entry?.load())?.default.examples ?? []
    // One that follows the log for ever is tested where it is stopped.
    const isAsked = (run: string): boolean => run.startsWith(`pgtrail ${name}`) && !run.includes(" -f ")
    const line = examples.find(({ run }) => isAsked(run))?.run ?? ""
    const before = await db.query(
      "select max(seq) as acts, (select count(*) from pgtrail.event) as events from pgtrail.act",
    )
    const typed = words(line.replace(/ *[|<>].*/, "")).slice(1)
    const ran = await runInProcess(typed, {
      cwd: folder,
      env: { PGTRAIL_URL: role.url },
      input: '{"event_type":"x","organization_id":"acme"}\n',
    })
    expect(ran.both).not.toContain(secret)
    expect([0, 1, 2, 3, 4], ran.both).toContain(ran.exit)
    expect(
      await db.query(
        "select max(seq) as acts, (select count(*) from pgtrail.event) as events from pgtrail.act",
      ),
    ).toEqual(before)
  })

  test.each([
    ["query --json --limit all", 0, "acme"],
    ["show acme/0/1", 0, "verifies"],
    ["act list", 3, "pgtrail_auditor"],
    ["append --type x --org acme", 3, "pgtrail_writer"],
    ["checkpoint list", 3, "pgtrail_auditor"],
    ["setting set event-size-limit 70000", 3, "pgtrail_operator"],
    ["incarnation list", 3, "pgtrail_auditor"],
    ["grant reader x --org globex", 3, "owner of the log"],
  ])("pgtrail %s", async (line, exit, said) => {
    const ran = await runInProcess(line.split(" "), { cwd: folder, env: { PGTRAIL_URL: role.url } })
    expect({ exit: ran.exit, said: ran.both.includes(said), both: ran.both }).toMatchObject({
      exit,
      said: true,
    })
    expect(ran.both).not.toContain("globex@")
  })
})
