// Which policy an event has and how long it is kept, compared with a model, of random rules and random times.
import { env } from "node:process"
import fc from "fast-check"
import { expect, test } from "vitest"
import { ruledLog } from "./retention-rule-fixture.js"
import { type Change, modelOf } from "./retention-rule-model.js"

const log = ruledLog()

/** Now and then a rule is removed and, soon after, set again: what counted in between counts for the grace. */
function blipped<T extends { name: string; rule: unknown; wait: number; confirmed: boolean; blip: number }>({
  blip,
  ...change
}: T): Omit<T, "blip">[] {
  if (blip > 0 || change.rule === null || change.name === "standard") return [change]
  return [
    { ...change, confirmed: true },
    { ...change, rule: null, confirmed: false },
    { ...change, wait: 5, confirmed: false },
  ]
}

test("retention_of says what the model says, of random rules, at random times within the grace", async () => {
  const { db, forget } = log()
  const maybe = <T>(...values: T[]) =>
    fc.constantFrom<(T | undefined)[]>(undefined, ...values) as fc.Arbitrary<T | undefined>
  const keep = fc.constantFrom(1, 30, 90, 365, 400, 3000)
  const policy = fc.record({
    kind: fc.constant("policy" as const),
    name: fc.constantFrom("a", "b", "c", "own"),
    rule: fc.option(
      fc.record({
        keep,
        organization: maybe("o1"),
        classification: maybe("PHI"),
        type: maybe("auth", "auth.login"),
      }),
      { freq: 2 },
    ),
  })
  const standard = fc.record({
    kind: fc.constant("policy" as const),
    name: fc.constant("standard"),
    rule: fc.record({ keep }),
  })
  const floor = fc.record({
    kind: fc.constant("floor" as const),
    name: fc.constantFrom("f", "g"),
    rule: fc.option(fc.record({ keep, tag: fc.constantFrom("PCI", "SOX") }), { freq: 2 }),
  })
  const change = fc
    .tuple(
      fc.oneof(
        { weight: 6, arbitrary: policy },
        { weight: 1, arbitrary: standard },
        { weight: 2, arbitrary: floor },
      ),
      fc.record({ wait: fc.integer({ min: 1, max: 60 }), confirmed: fc.boolean(), blip: fc.nat(3) }),
    )
    .map(([what, when]) => ({ ...what, ...when }))
  const event = fc.record({
    organization: fc.constantFrom("o1", "o1", "o2"),
    classification: fc.constantFrom("PHI", "PHI", "PUBLIC", null),
    type: fc.constantFrom("auth", "auth.login", "auth.login.failed", "authz", "data.read"),
    policy: fc.constantFrom("standard", "own", "a", "zzz"),
    tags: fc.constantFrom<string[]>([], ["PCI"], ["SOX", "x"], ["PCI", "SOX"]),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(change, { minLength: 1, maxLength: 12 }),
      fc.array(event, { minLength: 10, maxLength: 10 }),
      fc.integer({ min: 0, max: 200 }),
      fc.constantFrom(0, 1, 7),
      async (changes, events, after, grace) => {
        await forget()
        const history: Change[] = []
        const times: [string, number][] = []
        let at = 0
        for (const { wait, ...what } of changes.flatMap(blipped)) {
          at += wait
          const { kind, name, rule, confirmed } = what
          const of = rule as NonNullable<Change["rule"]> | null
          const [row] = await db.query(
            `select r.act, a.recorded_at from pgtrail.set_retention($1, $2, $3, $4, $5, $6, $7, null, $8) r (act)
             left join pgtrail.act a on a.seq = r.act`,
            [kind, name, of?.keep, of?.organization, of?.classification, of?.type, of?.tag, confirmed],
          )
          // Where nothing changes nothing is recorded, and to confirm what does not wait is no change.
          if (row?.act == null) continue
          times.push([row.act, at])
          history.push({ at, kind, name, rule: of, confirmed })
        }
        // As if the changes had been made in the hours before.
        await db.query("set session_replication_role = replica")
        for (const column of ["counts_from", "counts_until"]) {
          await db.query(
            `update pgtrail.retention_rule r set ${column} = timestamptz '2026-01-01Z' + t.at * interval '1 hour'
             from unnest($1::bigint[], $2::int[]) t (act, at) join pgtrail.act a on a.seq = t.act where r.${column} = a.recorded_at`,
            [times.map(([act]) => act), times.map(([, hour]) => hour)],
          )
        }
        await db.query("insert into pgtrail.setting values ('retention-grace', $1)", [`${grace}d`])
        await db.query("set session_replication_role = origin")
        for (const of of events) {
          const [told] = await db.query(
            `select policy, keep_days, later_days from pgtrail.retention_of($1, $2, $3, $4, $5,
               timestamptz '2026-01-01Z' + $6 * interval '1 hour')`,
            [of.organization, of.classification, of.type, of.policy, of.tags, at + after],
          )
          const model = modelOf(history, of, at + after, grace * 24)
          expect({
            policy: told?.policy,
            keep: Number(told?.keep_days),
            later: number(told?.later_days),
          }).toEqual(model)
        }
      },
    ),
    { numRuns: Number(env.PGTRAIL_TEST_RUNS ?? 60) },
  )
}, 120_000)

const number = (text: string | null | undefined): number | null => (text == null ? null : Number(text))
