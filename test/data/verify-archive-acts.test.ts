// A purge says what legal holds it saw, and the removal of an archive by which rules nothing kept it: what was not so is found.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import type { Finding } from "../../src/data/index.js"
import { type ArchivedLog, archivedLog } from "./archived-log.js"

let log: ArchivedLog
beforeAll(async () => {
  log = await archivedLog()
})
afterAll(() => log.db.drop())
afterEach(() => log.restore())

const newest = async () => (await log.db.query("select max(seq) as seq from pgtrail.act"))[0]?.seq
const asText = ({ kind, seq, group }: Finding) => `${kind} ${seq} ${group}`
const found = async () => (await log.verify()).findings.map(asText)

describe("holds that somebody changes by hand for the length of a purge are found:", () => {
  const event =
    "select organization_id, lane, seq from pgtrail.event_2020_01 where actor_id = 'u4' and organization_id = 'acme' limit 1"
  test.each([
    ["released", "released_seq = 1"],
    ["on somebody else", "actor_id = 'nobody'"],
    ["ended before", "until = '2019-01-01'"],
    ["expired", "expires_at = '2001-01-01'"],
  ])("%s", async (_, change) => {
    await log.db.query("create table public.hold_before as select * from pgtrail.hold")
    await log.tamper(`update pgtrail.hold set ${change} where case_id = 'C1'`)
    const [held] = await log.db.query(event)
    expect(held).toBeDefined()
    // One that deletes rows, so that what was there can be put back for the next test.
    await log.db.query(
      "select * from pgtrail.purge_partition('event_2020_01', 'retention', most => 1000, rewrite => false)",
    )
    await log.tamper("delete from pgtrail.hold; insert into pgtrail.hold select * from public.hold_before")
    await log.db.query("drop table public.hold_before")
    const { findings } = await log.verify()
    expect(findings.map(asText)).toEqual([`unauthorized_purge ${await newest()} object`])
    expect(findings[0]?.message).toContain("saw other legal holds than those that were in force by the acts")
  })

  test("one that is gone", async () => {
    await log.tamper(
      "create table public.hold_before as select * from pgtrail.hold; delete from pgtrail.hold where case_id = 'C1'",
    )
    await log.db.query(
      "select * from pgtrail.purge_partition('event_2020_01', 'retention', most => 1000, rewrite => false)",
    )
    await log.tamper("insert into pgtrail.hold select * from public.hold_before where case_id = 'C1'")
    await log.db.query("drop table public.hold_before")
    expect(await found()).toEqual([`unauthorized_purge ${await newest()} object`])
  })

  test("that never was", async () => {
    await log.db.query("select pgtrail.set_retention('policy', 'standard', 300, confirmed => true)")
    await log.tamper("insert into pgtrail.hold (act_seq, case_id, actor_id) values (1, 'C9', 'nobody')")
    await log.db.query(
      "select * from pgtrail.purge_partition('event_2020_01', 'retention', most => 1000, rewrite => false)",
    )
    await log.tamper("delete from pgtrail.hold where case_id = 'C9'")
    expect(await found()).toEqual([`unauthorized_purge ${await newest()} object`])
  })
})

test("holds that acts placed and released, and such as expired, are what a purge saw", async () => {
  const purge =
    "select * from pgtrail.purge_partition('event_2020_01', 'retention', most => 1, rewrite => false)"
  await log.db.query(
    "select pgtrail.add_hold('C5', 'soon over', 'nobody', expires_at => clock_timestamp() + interval '1.5 seconds')",
  )
  await log.db.query("select pgtrail.add_hold('C6', 'long', 'nobody', expires_at => '2999-01-01')")
  await log.db.query(purge)
  await log.db.query("select pgtrail.release_hold('C6', 'over')")
  await log.db.query(
    "select pg_sleep(greatest(0, extract(epoch from max(expires_at) - clock_timestamp()))) from pgtrail.hold where case_id = 'C5'",
  )
  await log.db.query(purge)
  expect(await found()).toEqual([])
})

test("a purge of an organization says what holds it saw", async () => {
  await log.tamper("create table public.hold_before as select * from pgtrail.hold; delete from pgtrail.hold")
  const [lane] = await log.db.query(
    "select organization_id, lane, seq, hash from pgtrail.event where organization_id = 'globex' order by seq desc limit 1",
  )
  await log.db.query(
    "select * from pgtrail.purge_events('globex', array[$1::smallint], array[$2::bigint], array[$2::bigint], array[null::bytea], null, 'left', override => array['0123456789abcdef'])",
    [lane?.lane, lane?.seq],
  )
  await log.tamper("insert into pgtrail.hold select * from public.hold_before")
  await log.db.query("drop table public.hold_before")
  expect(await found()).toEqual([`unauthorized_purge ${await newest()} object`])
})

test("an act of a level that did not tell of holds is not judged by them", async () => {
  await log.tamper("select pgtrail.record_act('purge', '{\"lanes\": 0, \"events\": 0}', sha256(''))")
  expect(await found()).toEqual([])
})

describe("an archive that was removed because nothing kept it", () => {
  /** An act as remove_archive records it, of the archive in force, and its row. `more`: what a forger says of it. */
  const remove = (policies: string, more = "{}") =>
    log.tamper(
      `with made as (select pgtrail.record_act('remove_archive', jsonb_build_object('archive', a.name, 'purge', a.act_seq, 'reason', 'retention',
         'expired', true, 'grace', '0d', 'at', ${clock}, 'policies', (select jsonb_agg(jsonb_build_object('policy', 'standard', 'rule', 0,
           'floor', null, 'keep', 2555, 'cutoff', ${clockBefore("coalesce((p->>'keep')::int, 2555)")}) || p) from jsonb_array_elements('${policies}') p)) || '${more}') as seq
         from pgtrail.archive a where a.name = '${log.archives.kept.name}')
       update pgtrail.archive set removed_seq = made.seq from made where name = '${log.archives.kept.name}'`,
    )
  const form = `'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'`
  const clock = `to_char(now() at time zone 'UTC', ${form})`
  const clockBefore = (days: string) =>
    `to_char((now() - ${days} * interval '24 hours') at time zone 'UTC', ${form})`

  test("by a policy that let it go is as it must be", async () => {
    await log.db.query("select pgtrail.set_retention('policy', 'standard', 300, confirmed => true)")
    const [rule] = await log.db.query("select max(act_seq) as seq from pgtrail.retention_rule")
    await remove(`[{"rule": ${rule?.seq}, "keep": 300}]`)
    expect(await found()).toEqual([])
  })

  test.each([
    ["by no policy", "[]"],
    ["by a policy that never was", '[{"rule": 99, "keep": 100}]'],
    ["by one that was removed", '[{"policy": "goes", "rule": 4, "keep": 200}]'],
    ["too early for its policy", '[{"keep": 100}]'],
    ["with a cutoff that is another", '[{"cutoff": "2026-01-01T00:00:00.000000Z"}]'],
    ["with another grace", '[{"policy": "short", "rule": 3, "keep": 100}]', '{"grace": "7d"}'],
    [
      "as of a time to come",
      '[{"policy": "short", "rule": 3, "keep": 100, "cutoff": "2998-09-23T00:00:00.000000Z"}]',
      '{"at": "2999-01-01T00:00:00.000000Z"}',
    ],
  ] satisfies [string, string, string?][])("%s is found", async (_, policies, more = "{}") => {
    await remove(policies, more)
    expect(await found()).toEqual([`unauthorized_purge ${await newest()} object`])
  })

  test("while its events were young is found", async () => {
    await log.db.query("select pgtrail.set_retention('policy', 'standard', 36500, confirmed => true)")
    const [rule] = await log.db.query("select max(act_seq) as seq from pgtrail.retention_rule")
    await remove(`[{"rule": ${rule?.seq}, "keep": 36500}]`)
    expect((await log.verify()).findings.map(({ message }) => message)).toEqual([
      `the removal of an archive by act ${await newest()} took events that were not old enough: retention did not make it`,
    ])
  })

  test("by the function of the log is as it must be", async () => {
    await log.db.query("select pgtrail.set_retention('policy', 'standard', 300, confirmed => true)")
    await log.db.query("select pgtrail.remove_archive($1, 'retention', expired => true)", [
      log.archives.kept.name,
    ])
    const report = await log.verify()
    expect(report).toMatchObject({ verdict: "intact", findings: [], covered: { archived: "0" } })
  })

  test("and under a hold that somebody had lifted by hand for it is found", async () => {
    await log.db.query("select pgtrail.add_hold('C7', 'a claim', actor => 'u1')")
    await log.db.query("create table public.hold_before as select * from pgtrail.hold")
    await log.tamper("update pgtrail.hold set released_seq = 1")
    await log.db.query("select pgtrail.remove_archive($1, 'why')", [log.archives.kept.name])
    await log.tamper("delete from pgtrail.hold; insert into pgtrail.hold select * from public.hold_before")
    await log.db.query("drop table public.hold_before")
    const { findings } = await log.verify()
    expect(findings.map(({ kind, seq, group, message }) => ({ kind, seq, group, message }))).toEqual([
      {
        kind: "unauthorized_purge",
        seq: await newest(),
        group: "object",
        message: `the removal of an archive by act ${await newest()} saw other legal holds than those that were in force by the acts: somebody had changed them`,
      },
    ])
  })

  test("and whose removal had to be signed is found without a signature", async () => {
    await log.db.query("select pgtrail.set_setting('require-signed-acts', 'on')")
    await log.tamper(`select pgtrail.record_act('remove_archive', '{"archive": "x", "purge": 1}')`)
    expect((await found()).sort()).toEqual([
      `act_altered ${await newest()} null`,
      `unsigned_act ${await newest()} null`,
    ])
  })
})
