// A purge by retention says by which policies it was made: what the rules of that time did not allow is found, whoever wrote the act.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import type { Finding } from "../../src/data/index.js"
import { type LifecycleLog, lifecycleLog } from "./lifecycle-fixture.js"

let log: LifecycleLog
beforeAll(async () => {
  log = await lifecycleLog()
  // An act as purge_partition records it, of nothing, or of the newest event of globex, with what a forger says of it.
  await log.db.query(`create function public.forge(policies jsonb, more jsonb default '{}', takes boolean default false) returns bigint
    language plpgsql set timezone = 'UTC' as $$
    declare
      at timestamptz := coalesce((more->>'at')::timestamptz, clock_timestamp());
      entries jsonb := policies;
      made pgtrail.purge;
    begin
      if jsonb_typeof(policies) = 'array' then
        select coalesce(jsonb_agg(case when jsonb_typeof(p) <> 'object' then p else jsonb_build_object('policy', 'short', 'rule', 3, 'floor', null, 'events', 1, 'cutoff',
          to_char(at - coalesce((p->>'keep')::numeric, 100)::int * interval '24 hours', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'keep', 100) || p end), '[]')
        into entries from jsonb_array_elements(policies) p;
      end if;
      if takes then
        select 0, e.organization_id, e.lane, int8multirange(int8range(e.seq, e.seq, '[]')), e.previous_hash || e.hash, 1,
          e.occurred_at, e.occurred_at, e.recorded_at, e.recorded_at into made
        from pgtrail.event e where e.organization_id = 'globex' order by e.recorded_at desc, e.seq desc limit 1;
        delete from pgtrail.event e where e.organization_id = made.organization_id and e.lane = made.lane and made.ranges @> e.seq;
      end if;
      made.act_seq := pgtrail.record_act('purge', jsonb_build_object('organization', null, 'partition', 'event_2020_02', 'method', 'delete',
        'reason', 'retention', 'lanes', takes::int, 'events', takes::int, 'policies', entries, 'grace', '0d', 'at',
        to_char(at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')) || more, sha256(case when takes then record_send(row('pgtrail purge'::text,
        made.organization_id, made.lane, made.ranges::text, made.hashes, made.events, made.oldest_occurred_at, made.newest_occurred_at,
        made.oldest_recorded_at, made.newest_recorded_at)) else '' end));
      if takes then insert into pgtrail.purge select made.*; end if;
      return made.act_seq;
    end $$`)
})
afterAll(() => log.db.drop())
afterEach(() => log.restore())

const judgement = ({ message }: Finding) =>
  message.replace(/^the purge of act \d+ |: retention did not make it$/g, "")

/** What is found of the newest act, and that nothing else is found. */
async function judged(): Promise<string[]> {
  const [act] = await log.db.query("select max(seq) as seq from pgtrail.act")
  const { findings } = await log.verify()
  expect(findings.filter((one) => one.kind !== "unauthorized_purge" || one.seq !== act?.seq)).toEqual([])
  return findings.map(judgement)
}

test("a purge by a policy that was in force is retention's", async () => {
  await log.tamper("select public.forge('[{}]')")
  expect(await judged()).toEqual([])
})

const policy = (act: number, name = "short") =>
  `names the policy "${name}" of act ${act}, which was not in force`
const kept = (days: number, keep: number) =>
  `took events after ${days} days, which the policy "short" of act 3 kept ${keep} days`
const unsaid = "does not say by which policies and up to when"

describe("what retention did not make is found", () => {
  const cases: readonly (readonly [what: string, args: string, expected: readonly string[]])[] = [
    ["a policy that never was", `'[{"rule": 99}]'`, [policy(99)]],
    ["a policy of another name", `'[{"policy": "standard"}]'`, [policy(3, "standard")]],
    ["a policy that was removed", `'[{"policy": "goes", "rule": 4, "keep": 200}]'`, [policy(4, "goes")]],
    ["a floor in the place of a policy", `'[{"policy": "pci", "rule": 6, "keep": 365}]'`, [policy(6, "pci")]],
    [
      "the second of two policies",
      `'[{}, {"policy": "standard", "rule": 0, "keep": 2554}]'`,
      ['took events after 2554 days, which the policy "standard" of act 0 kept 2555 days'],
    ],
    ["a period that was too short", `'[{"keep": 99}]'`, [kept(99, 100)]],
    ["a floor that never was", `'[{"floor": "sox"}]'`, ['names the floor "sox", which was not in force']],
    ["a floor that it goes below", `'[{"floor": "pci"}]'`, [kept(100, 365)]],
    [
      "a cutoff that is later",
      `'[{"cutoff": "2026-01-01T00:00:00.000000Z"}]'`,
      ["has a cutoff that is not 100 days before"],
    ],
    ["another grace", `'[{}]', '{"grace": "1d"}'`, ["has another grace than 0d, which was in force"]],
    [
      "a time to come",
      `'[{}]', '{"at": "2999-01-01T00:00:00.000000Z"}'`,
      ["counts from a time after it was recorded"],
    ],
    ["a time before the policy", `'[{}]', '{"at": "2020-01-01T00:00:00.000000Z"}'`, [policy(3)]],
    ["events that are young", `'[{}]', '{}', true`, ["took events that were not old enough"]],
    ["no policy", "'[]'", [unsaid]],
    ["policies that are none", `'{"a": 1}'`, [unsaid]],
    ["a policy that is none", `'[{}, 1]'`, [unsaid]],
    ["a period that is none", `'[{"keep": 1.5}]'`, [unsaid]],
    ["no time", `'[{}]', '{"at": null}'`, [unsaid]],
  ]
  const acts: string[] = []
  let found: readonly Finding[]
  // Each act is judged by itself, so that one verification judges those of all cases.
  beforeAll(async () => {
    for (const [, args] of cases) {
      await log.db.query(
        "insert into pgtrail.event (organization_id, event_type) values ('globex', 'x'), ('globex', 'y')",
      )
      await log.tamper(`select public.forge(${args})`)
      const [act] = await log.db.query("select max(seq) as seq from pgtrail.act")
      acts.push(act?.seq ?? "")
    }
    found = (await log.verify()).findings
    await log.restore()
  })

  test.each(cases.map(([what, , expected], number) => ({ what, expected, number })))(
    "$what",
    ({ expected, number }) => {
      expect(found.filter(({ seq }) => seq === acts[number]).map(judgement)).toEqual(expected)
    },
  )

  test("and of nothing but these acts", () => {
    expect(
      found.filter(({ kind, seq }) => kind !== "unauthorized_purge" || !acts.includes(seq ?? "")),
    ).toEqual([])
  })
})

describe("a policy that was made shorter", () => {
  const shorten = (confirmed: boolean) =>
    log.db.query(`select pgtrail.set_setting('retention-grace', '7d'),
      pgtrail.set_retention('policy', 'short', 10, confirmed => ${confirmed})`)
  const entry = `'[{"rule": ${11}, "keep": 10}]', '{"grace": "7d"}'`
  const own = async (sql: string) => {
    const [act] = await log.db.query("select max(act_seq) as seq from pgtrail.retention_rule")
    await log.tamper(sql.replace("11", act?.seq ?? ""))
  }

  test("keeps what it kept for the grace", async () => {
    await shorten(false)
    await own(`select public.forge(${entry})`)
    expect(await judged()).toEqual([
      expect.stringMatching(/^took events after 10 days, which the policy "short" of act \d+ kept 100 days$/),
    ])
  })

  test("and for a minute alone lets nobody purge by it afterwards", async () => {
    await shorten(false)
    const [act] = await log.db.query("select max(act_seq) as seq from pgtrail.retention_rule")
    await log.db.query("select pgtrail.set_retention('policy', 'short', 100)")
    await log.tamper(`select public.forge(${entry.replace("11", act?.seq ?? "")})`)
    expect(await judged()).toEqual([policy(Number(act?.seq))])
  })

  test("counts at once where that was confirmed", async () => {
    await shorten(true)
    await own(`select public.forge(${entry})`)
    expect(await judged()).toEqual([])
  })

  test("is purged by with the longer period, which is intact", async () => {
    await shorten(false)
    await log.db.query("select pgtrail.set_retention('floor', 'pci', 30, compliance_tag => 'PCI')")
    await log.tamper("select public.forge('[{}]', '{\"grace\": \"7d\"}')")
    expect(await judged()).toEqual([policy(3)])
    await log.restore()
    await shorten(false)
    const [purge] = await log.db.query(
      "select p.events from pgtrail.purge_partition('event_2020_01', 'retention', organization => 'globex') p",
    )
    expect(purge?.events).toBe("0")
    const [newest] = await log.db.query("select max(seq) as seq from pgtrail.act")
    await own(`select public.forge('[{"rule": 11, "keep": 100}]', '{"grace": "7d"}')`)
    expect(Number(newest?.seq)).toBeGreaterThan(0)
    expect(await judged()).toEqual([])
  })

  test("while another that went before it was removed may have let events go earlier", async () => {
    await log.db.query("select pgtrail.set_retention('policy', 'brief', 5, 'globex', confirmed => true)")
    await shorten(false)
    await log.db.query("select pgtrail.set_retention('policy', 'brief', null)")
    const [act] = await log.db.query(
      "select max(act_seq) as seq from pgtrail.retention_rule where ended_seq is null",
    )
    await log.tamper(`select public.forge('[{"rule": ${act?.seq}, "keep": 10}]', '{"grace": "7d"}')`)
    expect(await judged()).toEqual([])
  })
})
