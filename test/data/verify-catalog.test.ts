// What verify compares in the catalog: the list of the red team, each change made by an owner or superuser and found. Over 250 lines because each is a case.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { Finding } from "../../src/data/index.js"
import { type Log, sampleLog } from "./verify-fixture.js"

let log: Log
let partition: string
beforeAll(async () => {
  log = await sampleLog()
  const [row] = await log.db.query("select to_char(now() at time zone 'UTC', '\"event_\"YYYY_MM') as name")
  partition = `pgtrail.${row?.name}`
})
afterAll(() => log.db.drop())

/** What is wrong with one object is one finding: of each a change at a time is verified, and those of several objects together. */
type Changed = "log" | "act" | "seal" | "append" | "record_act" | "generate_id" | "schema" | "head" | "other"

interface Change {
  /** What it changes; the log itself where nothing is said. */
  readonly of?: Changed
  readonly name: string
  readonly make: string
  readonly undo: string
  readonly kind?: string
  readonly says: RegExp
  /** What else is found of it, where it is two things. */
  readonly also?: RegExp
}

const seal = "pgtrail.seal_event()"
const changes: readonly Change[] = [
  {
    name: "the seal trigger disabled on one partition, while the parent looks enabled",
    make: "alter table PARTITION disable trigger pgtrail_seal",
    undo: "alter table PARTITION enable trigger pgtrail_seal",
    kind: "guard_missing",
    says: /partition event_\d{4}_\d{2}: expected: trigger pgtrail_seal .*enabled O.*; actual: trigger pgtrail_seal .*enabled D/,
  },
  {
    name: "the guard disabled on the parent",
    make: "alter table only pgtrail.event disable trigger pgtrail_guard",
    undo: "alter table only pgtrail.event enable trigger pgtrail_guard",
    kind: "guard_missing",
    says: /^table event: expected: trigger pgtrail_guard/,
  },
  {
    name: "the guard dropped from one partition",
    make: "drop trigger pgtrail_guard on PARTITION",
    undo: "create trigger pgtrail_guard before update or delete or truncate on PARTITION for each statement execute function pgtrail.guard('DELETE purge', 'UPDATE redact')",
    kind: "guard_missing",
    says: /missing: trigger pgtrail_guard/,
  },
  {
    of: "act",
    name: "the guard of the acts dropped",
    make: "drop trigger pgtrail_guard on pgtrail.act",
    undo: "create trigger pgtrail_guard before update or delete or truncate on pgtrail.act for each statement execute function pgtrail.guard()",
    kind: "guard_missing",
    says: /^table act: missing: trigger pgtrail_guard/,
  },
  {
    of: "act",
    name: "a trigger that fires always instead of by origin",
    make: "alter table pgtrail.act enable always trigger pgtrail_guard",
    undo: "alter table pgtrail.act enable trigger pgtrail_guard",
    kind: "guard_missing",
    says: /enabled A/,
  },
  {
    name: "a trigger that sorts before the seal and swallows events",
    make: `create function public.swallow() returns trigger language plpgsql as 'begin return null; end';
      create trigger aaa before insert on pgtrail.event for each row when (new.actor_id = 'mallory') execute function public.swallow()`,
    undo: "drop function public.swallow cascade",
    says: /unexpected: trigger aaa calls public\.swallow/,
  },
  {
    name: "the same trigger on one partition only",
    make: `create function public.swallow() returns trigger language plpgsql as 'begin return null; end';
      create trigger aaa before insert on PARTITION for each row execute function public.swallow()`,
    undo: "drop function public.swallow cascade",
    says: /partition event_\d{4}_\d{2}: unexpected: trigger aaa/,
  },
  {
    name: "a rule that swallows the events of one actor",
    make: "create rule quiet as on insert to pgtrail.event where new.actor_id = 'mallory' do instead nothing",
    undo: "drop rule quiet on pgtrail.event",
    says: /table event: unexpected: rule quiet/,
  },
  {
    name: "a row policy that hides events",
    make: "alter table pgtrail.event enable row level security; create policy hide on pgtrail.event using (false)",
    undo: "drop policy hide on pgtrail.event; alter table pgtrail.event disable row level security",
    says: /row security t|policy hide/,
  },
  {
    of: "seal",
    name: "the body of the seal function replaced",
    make: `do $do$ begin execute replace(pg_get_functiondef('${seal}'::regprocedure), 'begin', 'begin if new.actor_id = ''mallory'' then return null; end if;'); end $do$`,
    undo: "",
    kind: "catalog_changed",
    says: /function seal_event\(\): expected: body [0-9a-f]{64}; actual: body/,
  },
  {
    of: "append",
    name: "a security definer function without its search_path",
    make: "alter function pgtrail.append(jsonb, uuid) reset search_path",
    undo: "alter function pgtrail.append(jsonb, uuid) set search_path = pg_catalog, pg_temp",
    says: /function append.*settings/,
  },
  {
    of: "record_act",
    name: "a function granted to everybody",
    make: "grant execute on function pgtrail.record_act(text, jsonb, bytea) to public",
    undo: "revoke execute on function pgtrail.record_act(text, jsonb, bytea) from public",
    says: /function record_act.*grant EXECUTE to public/,
  },
  {
    of: "act",
    name: "a table granted to a role that must not have it",
    make: "grant insert on pgtrail.act to pgtrail_writer",
    undo: "revoke insert on pgtrail.act from pgtrail_writer",
    says: /table act: (unexpected|expected).*grant INSERT to pgtrail_writer/,
  },
  {
    name: "a column granted to writers",
    make: "grant select (details) on pgtrail.event to pgtrail_writer",
    undo: "revoke select (details) on pgtrail.event from pgtrail_writer",
    says: /grant SELECT \(details\) to pgtrail_writer/,
  },
  {
    of: "schema",
    name: "CREATE on the schema granted",
    make: "grant create on schema pgtrail to pgtrail_writer",
    undo: "revoke create on schema pgtrail from pgtrail_writer",
    says: /schema pgtrail: unexpected: grant CREATE to pgtrail_writer/,
  },
  {
    of: "head",
    name: "another owner of a table",
    make: "alter table pgtrail.chain_head owner to postgres",
    undo: "alter table pgtrail.chain_head owner to pgtrail_owner",
    says: /table chain_head: expected: .*owner pgtrail_owner.*actual: .*owner postgres/,
  },
  {
    name: "a NOT NULL taken away",
    make: "alter table pgtrail.event alter hash drop not null",
    undo: "alter table pgtrail.event alter hash set not null",
    says: /column hash bytea.*not null t.*actual.*not null f/,
  },
  {
    of: "act",
    name: "a column whose type was changed",
    make: "alter table pgtrail.act alter timeline type bigint",
    undo: "alter table pgtrail.act alter timeline type int",
    says: /column timeline integer.*actual.*bigint/,
  },
  {
    name: "a column that no hash covers",
    make: "alter table pgtrail.event add note text",
    undo: "alter table pgtrail.event drop note",
    says: /table event: unexpected: column note/,
  },
  {
    name: "a default that forges",
    make: "alter table pgtrail.event alter actor_id set default 'mallory'",
    undo: "alter table pgtrail.event alter actor_id drop default",
    says: /column actor_id.*default 'mallory'/,
  },
  {
    of: "other",
    name: "a table of somebody else's in the schema",
    make: "create table pgtrail.stray (i int)",
    undo: "drop table pgtrail.stray",
    says: /table stray does not belong to pgtrail/,
  },
  {
    of: "generate_id",
    name: "a function dropped",
    make: "alter function pgtrail.generate_id() rename to generate_other",
    undo: "alter function pgtrail.generate_other() rename to generate_id",
    says: /function generate_id\(\) is missing|function generate_other\(\) does not belong/,
  },
  {
    name: "the replica identity taken away",
    make: "alter table PARTITION replica identity nothing",
    undo: "alter table PARTITION replica identity default",
    says: /replica identity n/,
  },
  {
    name: "a partition made unlogged or given away",
    make: "alter table PARTITION owner to postgres",
    undo: "alter table PARTITION owner to pgtrail_owner",
    says: /partition event_\d{4}_\d{2}: expected/,
  },
  {
    name: "a partition moved to another schema, and its guard dropped there",
    make: "create schema hidden; alter table PARTITION set schema hidden; drop trigger pgtrail_guard on HIDDEN",
    undo: "alter table HIDDEN set schema pgtrail; drop schema hidden; create trigger pgtrail_guard before update or delete or truncate on PARTITION for each statement execute function pgtrail.guard('DELETE purge', 'UPDATE redact')",
    kind: "guard_missing",
    says: /^partition hidden\.event_\d{4}_\d{2}: missing: trigger pgtrail_guard/,
    also: /^partition hidden\.event_\d{4}_\d{2}: expected: table .*schema pgtrail.*actual: .*schema hidden/,
  },
  {
    of: "act",
    name: "a required index made invalid",
    make: "update pg_index set indisvalid = false where indexrelid = 'pgtrail.act_pkey'::regclass",
    undo: "update pg_index set indisvalid = true where indexrelid = 'pgtrail.act_pkey'::regclass",
    says: /table act: expected: index .*valid t; actual: index .*valid f/,
  },
  {
    name: "privileges that every later table would have",
    make: "alter default privileges in schema pgtrail grant insert on tables to pgtrail_writer",
    undo: "alter default privileges in schema pgtrail revoke insert on tables from pgtrail_writer",
    says: /^default privileges of \S+ for r does not belong to pgtrail$/,
  },
  {
    name: "a domain in the schema, even one over an array",
    make: "create domain pgtrail.texts as text[]",
    undo: "drop domain pgtrail.texts",
    says: /^type texts does not belong to pgtrail$/,
  },
  {
    name: "the stored description changed to fit",
    make: "update pgtrail.catalog_object set definition = definition || 'x' where object = 'table act'",
    undo: "update pgtrail.catalog_object set definition = left(definition, -1) where object = 'table act'",
    says: /catalog_object is not what the last migration recorded/,
  },
]

/** The first of each object, then the second of each: what one verification can tell apart. */
function rounds(): Change[][] {
  const made: Change[][] = []
  const seen = new Map<Changed, number>()
  for (const change of changes) {
    const { of = "log" } = change
    const round = seen.get(of) ?? 0
    seen.set(of, round + 1)
    made[round] = [...(made[round] ?? []), change]
  }
  return made
}

describe("verify finds", () => {
  const found = new Map<Change, readonly Finding[]>()
  beforeAll(async () => {
    const place = (sql: string) =>
      sql.replaceAll("PARTITION", partition).replaceAll("HIDDEN", partition.replace("pgtrail.", "hidden."))
    const [before] = await log.db.query(`select pg_get_functiondef('${seal}'::regprocedure) as definition`)
    for (const round of rounds()) {
      for (const { make } of round) await log.db.query(place(make))
      const report = await log.verify()
      for (const change of round) found.set(change, report.verdict === "tampered" ? report.findings : [])
      for (const { undo } of round) await log.db.query(undo === "" ? (before?.definition ?? "") : place(undo))
    }
  })

  test.each(changes)("$name", (change) => {
    // A change of the parent is found in each partition as well.
    const findings = found.get(change) ?? []
    const own = findings.filter(({ message }) => change.says.test(message))
    expect(own.map(({ kind }) => kind)).toContain(change.kind ?? "catalog_changed")
    const { also } = change
    if (also !== undefined) expect(findings.some(({ message }) => also.test(message))).toBe(true)
  })

  test("nothing when all of that is as it was", async () => {
    expect((await log.verify()).findings).toEqual([])
  })
})

test("an index of the DBA's own is no finding", async () => {
  await log.db.query("create index mine on pgtrail.event (device_id)")
  expect((await log.verify()).findings).toEqual([])
  await log.db.query("drop index pgtrail.mine")
})

test("the invalid twin of an index that a concurrent rebuild makes is no finding", async () => {
  await log.db.query("create unique index twin on pgtrail.act (organization_id, seq)")
  await log.db.query("update pg_index set indisvalid = false where indexrelid = 'pgtrail.twin'::regclass")
  expect((await log.verify()).findings).toEqual([])
  await log.db.query("drop index pgtrail.twin")
})

test("a partition that somebody detached is found: its events are missing and it belongs nowhere", async () => {
  await log.db.query(`alter table pgtrail.event detach partition ${partition}`)
  const report = await log.verify()
  expect(report.findings.map((finding) => finding.kind)).toEqual(
    expect.arrayContaining(["missing", "catalog_changed"]),
  )
  expect(report.findings.map((finding) => finding.message).join("\n")).toMatch(
    /table event_\d{4}_\d{2} does not belong to pgtrail/,
  )
})
