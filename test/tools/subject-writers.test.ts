// A person of 100,000 events is erased while 20 writers append, of the person too: nobody is stopped, and nothing is forgotten. The numbers are
// those of issue 8; they need a server that takes so many sessions.
import { expect, test } from "vitest"
import { janesWords, subjectLogs } from "../data/subject-fixture.js"
import { withClients } from "../data/writers.js"
import type { TestDatabase } from "../database.js"

const log = subjectLogs()
const many = 100_000
const hers = "(e.actor_id = 'u-jane' or e.resource_id = 'u-jane')"
const append = `insert into pgtrail.event (organization_id, event_type, actor_id, actor_email, details) values ($1, 'meanwhile', $2, $3, $4)`

test("of 100,000 events in four partitions an erasure takes all that was there when it began, 20 writers go on, and a second one takes the rest", async () => {
  const { db, trail, erase, count } = log()
  await db.query("select pgtrail.create_partitions('2025-12-15Z', '2026-04-15Z')")
  await db.query(
    `insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id, actor_email, details)
     select 'o' || i % 5, timestamptz '2025-12-20Z' + i % 100 * interval '1 day', 'big', 'u-jane', 'jane.o''neil%x@example.org', jsonb_build_object('n', i)
     from generate_series(1, $1::int) i`,
    [many],
  )
  const [spread] = await db.query(
    "select count(distinct e.tableoid) as n from pgtrail.event e where e.event_type = 'big'",
  )
  expect(Number(spread?.n)).toBeGreaterThan(3)

  expect(await tracesIn(db)).toEqual(["pgtrail.event"])

  let isOver = false
  const written = { janes: 0, others: 0 }
  const writers = withClients(db, 20, async (client, writer) => {
    for (let n = 0; !isOver; n += 1) {
      const isJanes = (n + writer) % 2 === 0
      await client.query(append, [
        n % 3 === 0 ? `w${writer}` : `o${n % 5}`,
        isJanes ? "u-jane" : "u-else",
        isJanes ? "Jane.O'Neil%x@example.org" : "else@example.org",
        JSON.stringify({ by: isJanes ? "u-jane" : "u-else", n }),
      ])
      written[isJanes ? "janes" : "others"] += 1
      // As long as the erasure lasts, but not as many as a machine can: each is erased and verified.
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  })
  const first = await (async () => {
    // Every writer is at work before the erasure begins.
    while (written.others < 40) await Promise.race([writers, new Promise(setImmediate)])
    await db.query(
      `create table public.before as select e.organization_id, e.lane, e.seq from pgtrail.event e where ${hers}`,
    )
    const before = { ...written }
    const done = await erase()
    expect(written.janes).toBeGreaterThan(before.janes + 20)
    expect(written.others).toBeGreaterThan(before.others + 20)
    return done
  })().finally(() => {
    isOver = true
  })
  // None of them failed.
  await writers
  expect(await count("e.event_type = 'meanwhile'")).toBe(written.janes + written.others)
  expect(
    await count(
      `${hers} and (e.organization_id, e.lane, e.seq) in (select b.organization_id, b.lane, b.seq from public.before b)`,
    ),
  ).toBe(0)
  const [there] = await db.query("select count(*) as n from public.before")
  expect(Number(there?.n)).toBeGreaterThan(many)
  const taken = Number(first.receipt?.events)
  expect(taken).toBeGreaterThanOrEqual(Number(there?.n))

  const left = await count(hers)
  const second = await erase()
  expect(second.receipt).toMatchObject({ events: String(left), complete: true })
  // 10 of the log as it was filled.
  expect(taken + left).toBe(many + 10 + written.janes)
  expect(await count("e.actor_id = 'u-else' and e.actor_email = 'else@example.org'")).toBe(written.others)
  const report = await trail.verify({ jobs: 2, record: false })
  expect(report).toMatchObject({
    verdict: "intact",
    findings: [],
    covered: {
      events: String(24 + many + written.janes + written.others),
      // Two of the ten are not Jane's, and name her.
      redacted_identity: String(many + 8 + written.janes),
    },
  })
  expect(await tracesIn(db)).toEqual([])
}, 400_000)

/** Tables in which one of her values stands. One pass over each: so many events take minutes with one for each word, and for each view. */
async function tracesIn(db: TestDatabase): Promise<string[]> {
  const tables = await db.query(
    `select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = 'pgtrail' and c.relkind in ('r', 'p', 'm') and not c.relispartition order by 1`,
  )
  const pattern = janesWords.map((word) => word.toLowerCase().replace(/[.%]/g, "\\$&")).join("|")
  const found = tables.map(
    ({ name }) => `select '${name}' as name where exists (select from ${name} t where lower(t::text) ~ $1)`,
  )
  return (await db.query(found.join(" union all "), [pattern])).map(({ name }) => name ?? "")
}
