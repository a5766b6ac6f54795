// What leaves the log: a partition that is dropped, rows that are purged, the nightly maintenance, and verify after ten years of purges.
import process from "node:process"
import { absolute, compare, type Figure, fair, seconds, series, takeTurns } from "./measure.js"
import { pgtrail, run } from "./process.js"
import { query, type Server, settle, withClient } from "./server.js"

const months = 120
const keptMonths = 12
const organizations = 50

export async function measureLifecycle(
  server: Server,
  options: { events: number; rounds: number },
  say: (text: string) => void,
): Promise<Figure[]> {
  return [
    ...(await measureRemoval(server, options, say)),
    ...(await measureMaintain(server, options, say)),
    ...(await measureYears(server, options, say)),
  ]
}

/** Events of one month, half of them of the retention class `short`, as an application would write them. */
export const monthOfEvents = `
  insert into pgtrail.event (organization_id, occurred_at, event_type, action, actor_id, actor_email, ip_address, user_agent,
    resource_type, resource_id, request_id, details, retention_policy)
  select 'organization-' || case when i % 2 = 0 then 0 else i % ${organizations} end,
    $1::timestamptz + i * interval '28 days' / $2::int, 'document.update', 'update', 'user-' || i % 997, 'user' || i % 997 || '@example.com',
    '10.0.0.1'::inet + i % 1000, 'acme-client/4.2.0', 'document', 'doc-' || i % 10007, gen_random_uuid()::text,
    jsonb_build_object('size', i, 'plan', 'pro', 'path', '/documents/' || i), case when i / 2 % 2 = 0 then 'short' else 'standard' end
  from generate_series(1, $2::int) i`

export const monthOf = (round: number): string => `2024-${String(round + 1).padStart(2, "0")}`

/**
 * Two partitions of `events` events a round: half of the one row by row, against DELETE of the same rows of the twin; the other whole,
 * against DELETE and VACUUM. What is compared begins with the act: before it stands the verification, told beside.
 */
async function measureRemoval(
  server: Server,
  { events, rounds }: { events: number; rounds: number },
  say: (text: string) => void,
): Promise<Figure[]> {
  say("removal")
  const url = await server.logDatabase("removal")
  await query(url, "select pgtrail.set_setting('retention-grace', '0d')")
  for (let month = 0; month < 2 * rounds; month++) {
    await query(url, monthOfEvents, [`${monthOf(month)}-01T00:00:00Z`, events])
  }
  await query(url, "insert into plain.event select * from pgtrail.event")
  await query(url, "select pgtrail.set_retention('policy', 'short', 30)")
  await settle(url)
  const verified: { rows: number[]; whole: number[] } = { rows: [], whole: [] }
  const rows = series((round) => purge(url, round, verified.rows))
  const deleted = series((round) =>
    timed(url, [`delete from plain.${nameOf(round)} where retention_policy = 'short'`]),
  )
  await takeTurns(rounds, [rows, deleted])
  await query(url, "select pgtrail.set_retention('policy', 'standard', 30)")
  const drop = series((round) => purge(url, rounds + round, verified.whole))
  const vacuumed = series((round) =>
    timed(url, [`delete from plain.${nameOf(rounds + round)}`, `vacuum plain.${nameOf(rounds + round)}`]),
  )
  await takeTurns(rounds, [drop, vacuumed])
  await server.drop("removal")
  const judged = events >= fair
  const perMillion = (values: readonly number[], count: number) =>
    (values.reduce((sum, value) => sum + value, 0) / values.length / count) * 1e6
  return [
    compare(
      "drop of an expired partition, after its verification, against DELETE and VACUUM",
      drop,
      vacuumed,
      seconds,
      {
        must: 0.1,
        judged,
      },
    ),
    absolute("the verification before a drop, a million events", perMillion(verified.whole, events), seconds),
    compare("row-wise purge, without verification, against DELETE", rows, deleted, seconds, {
      must: 2.5,
      goal: 1.8,
      judged,
    }),
    absolute(
      "the verification before a row-wise purge, a million events of the partition",
      perMillion(verified.rows, events),
      seconds,
    ),
  ]
}

export const nameOf = (round: number): string => `event_${monthOf(round).replace("-", "_")}`

/** Seconds from the act to the commit; what came before, the reading and verifying, goes to `before`. */
function purge(url: string, round: number, before: number[]): Promise<number> {
  return withClient(url, async (client) => {
    let [removal, reading] = [0, 0]
    for (;;) {
      const begun = process.hrtime.bigint()
      const { rows } = await client.query<{ seq: string | null; remaining: string }>(
        "select seq, remaining from pgtrail.purge_partition($1, 'bench', rewrite => false, portion => 100000000)",
        [nameOf(round)],
      )
      const whole = Number(process.hrtime.bigint() - begun) / 1e9
      const { rows: since } = await client.query<{ seconds: string }>(
        "select extract(epoch from clock_timestamp() - a.recorded_at) as seconds from pgtrail.act a where a.seq = $1",
        [rows[0]?.seq],
      )
      removal += Number(since[0]?.seconds)
      reading += whole - Number(since[0]?.seconds)
      if (rows[0]?.remaining === "0") break
    }
    before.push(reading)
    return removal
  })
}

async function timed(url: string, statements: readonly string[]): Promise<number> {
  return withClient(url, async (client) => {
    const begun = process.hrtime.bigint()
    for (const statement of statements) await client.query(statement)
    return Number(process.hrtime.bigint() - begun) / 1e9
  })
}

/** The command of cron, from its start to its end, where nothing is due. */
async function measureMaintain(
  server: Server,
  { rounds }: { rounds: number },
  say: (text: string) => void,
): Promise<Figure[]> {
  say("maintain")
  const url = await server.logDatabase("maintain")
  await query(url, `select pgtrail.create_partitions(now() - interval '${months - 7} months', now())`)
  const maintain = async () =>
    (await run(process.execPath, [pgtrail, "partition", "maintain", "--url", url])).seconds
  await maintain()
  const idle = series(maintain)
  await takeTurns(rounds, [idle])
  await server.drop("maintain")
  return [
    absolute("partition maintain, 120 partitions, nothing due", Math.max(...idle.values), seconds, {
      must: 1,
    }),
  ]
}

/** A log of ten years of which nine were purged month by month, against one that only ever had the last. */
async function measureYears(
  server: Server,
  { events, rounds }: { events: number; rounds: number },
  say: (text: string) => void,
): Promise<Figure[]> {
  say("ten years of purges")
  const each = Math.ceil(events / keptMonths)
  const fill = async (name: string, first: number) => {
    const url = await server.logDatabase(name)
    await query(url, "select pgtrail.set_setting('retention-grace', '0d')")
    await query(url, "select pgtrail.create_partitions('2014-01-01Z', '2023-12-31Z')")
    for (let month = first; month < months; month++) {
      const at = `${2014 + Math.floor(month / 12)}-${String((month % 12) + 1).padStart(2, "0")}`
      // A month that will be gone needs events in every lane, and not many.
      const count = month < months - keptMonths ? Math.min(each, 2000) : each
      await query(url, monthOfEvents, [`${at}-01T00:00:00Z`, count])
      if (month >= months - keptMonths) continue
      await query(url, "select pgtrail.purge_partition($1, 'retention', everything => true)", [
        `event_${at.replace("-", "_")}`,
      ])
    }
    await settle(url)
    return url
  }
  const purged = await fill("purged", 0)
  const young = await fill("young", months - keptMonths)
  const verify = (url: string) =>
    series(
      async () => (await run(process.execPath, [pgtrail, "verify", "--jobs", "2", "--url", url])).seconds,
    )
  const [ours, theirs] = [verify(purged), verify(young)]
  // The first reading is for the caches.
  for (const { measure } of [ours, theirs]) await measure(0)
  await takeTurns(rounds, [ours, theirs])
  await server.drop("purged")
  await server.drop("young")
  return [
    compare("verify after ten years of monthly purges, against a log without any", ours, theirs, seconds, {
      must: 1.1,
      judged: events >= 100_000,
    }),
  ]
}
