// Counts events: all on one snapshot, from the daily summaries where they answer, else partition by partition.
import type { Client } from "pg"
import { type ConnectionTarget, destroy, withClient } from "../connection.js"
import type { EventColumn } from "../event-columns.js"
import type { EventFilter } from "../query/criteria.js"
import { conditionText } from "../query/filter.js"
import { prepareWalk, toFilterError } from "../query/prepare.js"
import { readWalk, within } from "../query/segments.js"
import type { Source as EventSource } from "../query/source.js"
import type { Period } from "../query/time.js"
import { grouped } from "../words.js"
import { type Coverage, coverage } from "./coverage.js"
import type { Stats, StatsOptions } from "./options.js"
import { countStatement, type Origin } from "./statement.js"
import { readSummaries, readUsers } from "./summaries.js"
import { type CountRow, Tally } from "./tally.js"

const defaultLimit = 10

interface Counting {
  readonly client: Client
  readonly tally: Tally
  readonly asked: StatsOptions
}

/** Throws TrailError `usage` for a filter that cannot be. */
export function countEvents(target: ConnectionTarget, asked: StatsOptions): Promise<Stats> {
  return withClient(target, async (client) => {
    const cut = () => destroy(client)
    asked.signal?.addEventListener("abort", cut)
    try {
      asked.signal?.throwIfAborted()
      await client.query("begin isolation level repeatable read read only")
      const stats = await count({ client, tally: new Tally(), asked })
      await client.query("rollback")
      return stats
    } catch (error) {
      // What the cut connection says is not what happened.
      asked.signal?.throwIfAborted()
      throw toFilterError(error, asked)
    } finally {
      asked.signal?.removeEventListener("abort", cut)
    }
  })
}

async function count(counting: Counting): Promise<Stats> {
  const { client, tally, asked } = counting
  const { by = [], limit = defaultLimit } = asked
  const covered = await coverage(client, asked)
  if ("counted" in covered) {
    await countPeriod(counting, asked)
    return tally.answer(by, limit, String(tally.actors.size), covered)
  }
  for (const edge of covered.edges) await countPeriod(counting, edge)
  const since = await countLacking(counting, covered)
  tally.add(await readSummaries(client, covered, by))
  const users = await readUsers(client, covered, tally.actors.hex())
  return tally.answer(by, limit, users, {
    counted: "summaries",
    since: String(since),
    days: String(covered.days.length),
    parts: String(covered.edges.length),
  })
}

/** Segment by segment, newest first. */
async function countPeriod(counting: Counting, { since, until }: Period): Promise<void> {
  const { client, asked } = counting
  const { source, segments, filter } = await prepareWalk(client, { ...asked, since, until })
  for (const segment of segments) await run(counting, filtered(filter, segment, source))
}

function filtered(filter: EventFilter, segment: Period, source: EventSource): Origin {
  const { text, params } = conditionText(filter, segment, source, 1)
  const named = (column: EventColumn): string => `pgtrail.${source.events}.${column}`
  return { text: `from pgtrail.${source.events} where ${text}`, params, named }
}

/**
 * What the summaries lack of their days: events after the cursors, by the primary key, until all are found; and days that they do not
 * tell at present. Tells how many events no summary had yet.
 */
async function countLacking(counting: Counting, covered: Coverage): Promise<bigint> {
  if (covered.missing === 0n && covered.days.length === 0) return 0n
  const { segments } = await readWalk(counting.client, covered.whole)
  let found = 0n
  for (const segment of segments) {
    const before = counting.tally.total.events
    if (found < covered.missing) await run(counting, afterCursors(covered, segment))
    found += counting.tally.total.events - before
    if (covered.days.length > 0) await run(counting, onListedDays(covered, segment))
    else if (found >= covered.missing) break
  }
  return found
}

const columns: readonly EventColumn[] = [
  "organization_id",
  "occurred_at",
  "category",
  "event_type",
  "outcome",
  "actor_id",
  "data_size_bytes",
]
const selected = columns.map((column) => `e.${column}`).join(", ")
const named = (column: EventColumn): string => `e.${column}`

function afterCursors({ behind, days }: Coverage, segment: Period): Origin {
  const { text, values } = within(segment, 6)
  return {
    text: `from unnest($1::text[], $2::smallint[], $3::bigint[]) l (organization_id, lane, seq)
      cross join lateral (
        select ${selected} from pgtrail.event e
        where e.organization_id = l.organization_id and e.lane = l.lane and e.seq > l.seq and ${text} offset 0) e
      where not exists (
        select from unnest($4::text[], $5::date[]) d (organization_id, day)
        where d.organization_id = e.organization_id and d.day = (e.occurred_at at time zone 'UTC')::date)`,
    params: [
      behind.map(({ organization }) => organization),
      behind.map(({ lane }) => lane),
      behind.map(({ seq }) => seq),
      ...listed(days),
      ...values,
    ],
    named,
  }
}

function onListedDays({ days }: Coverage, segment: Period): Origin {
  const { text, values } = within(segment, 3)
  return {
    text: `from unnest($1::text[], $2::date[]) d (organization_id, day)
      cross join lateral (
        select ${selected} from pgtrail.event e
        where e.organization_id = d.organization_id and e.occurred_at between (d.day::timestamp at time zone 'UTC')
          and ((d.day::timestamp + interval '23:59:59.999999') at time zone 'UTC') and ${text} offset 0) e`,
    params: [...listed(days), ...values],
    named,
  }
}

const listed = (days: Coverage["days"]): string[][] => [
  days.map(({ organization }) => organization),
  days.map(({ day }) => day),
]

/** The savepoint is taken back, and with it the locks on the partition: nobody waits for them while the others are counted. */
async function run({ client, tally, asked }: Counting, origin: Origin): Promise<void> {
  asked.signal?.throwIfAborted()
  const { text, params } = countStatement(origin, asked.by ?? [])
  await client.query("savepoint part")
  const { rows } = await client.query<CountRow>(text, [...params])
  await client.query("rollback to savepoint part")
  tally.add(rows)
  asked.progress?.(`${grouped(tally.total.events)} events counted`)
}
