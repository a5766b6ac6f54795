// Verifies the events of a time range: hashes what lies in it with the neighbours in its chains, and counts the rest, so that a chain
// from which the whole range was taken away is seen too.
import { randomInt } from "node:crypto"
import type { Client } from "pg"
import { type ConnectionTarget, withClient } from "../connection.js"
import { allChains, type Covered, type Known, rangeOf } from "./check-chains.js"
import type { Findings } from "./finding.js"
import { Pace } from "./pace.js"
import { holdPartition, partitions } from "./partitions.js"
import { chainKey, chainOf } from "./row.js"
import type { VerifyOptions } from "./verify.js"
import { addRedacted, noneRedacted, type Redacted, walkChain } from "./walk-chain.js"
import { type DoubtfulChain, walkChains } from "./walk-chains.js"

/** What was counted of a chain. */
interface Counted {
  events: number
  /** Sum of a keyed hash of each seq: of places from 1 to n equal to that of all only when each of them is there once. */
  places: bigint
  least: number
  most: number
  inside: number
  redacted: Redacted
  first: number | undefined
  last: number | undefined
}

export async function checkRange(
  client: Client,
  target: ConnectionTarget,
  options: VerifyOptions,
  known: Known,
  findings: Findings,
): Promise<Covered> {
  const seed = randomInt(2 ** 47)
  const counts = await countAll(client, target, options, known.snapshot, seed)
  const expected = await expectedPlaces(client, known, counts, seed)
  const purged = await purgedInside(client, options, known)
  const covered = {
    chains: 0,
    events: 0,
    redacted: noneRedacted,
    purged: 0,
    archived: 0,
  }
  const doubtful: DoubtfulChain[] = []
  const control = {
    purges: known.purges,
    signal: options.signal,
    pace: new Pace(options.maxRate),
    tellsPlaceless: true,
  }
  await withClient(target, async (reader) => {
    for (const chain of allChains(known, counts.keys())) {
      const head = known.heads.get(chain)
      const count = counts.get(chain)
      const range = rangeOf(known, chain)
      const gone = purged.get(chain)
      covered.redacted = addRedacted(covered.redacted, count?.redacted ?? noneRedacted)
      covered.purged += gone?.places ?? 0
      covered.archived += gone?.archived ?? 0
      // Places that are too large or too small could have the keyed hash of another.
      const isInside = count === undefined || (count.least >= 1 && count.most <= (head?.seq ?? 0))
      const isWhole = (count?.places ?? 0n) === expected.get(chain)
      if (head === undefined || !isWhole || !isInside) {
        doubtful.push({ range, hadEvents: count !== undefined })
        covered.chains += 1
        covered.events += count?.inside ?? 0
        continue
      }
      const firsts = [count?.first, gone?.first].filter((seq) => seq !== undefined)
      if (firsts.length === 0) continue
      covered.chains += 1
      covered.events += count?.inside ?? 0
      // What was purged of that time must fit too, between what is before and after it.
      const first = Math.max(1, Math.min(...firsts) - 1)
      const last = Math.max(count?.last ?? 0, gone?.last ?? 0)
      await walkChain(
        reader,
        {
          ...range,
          first,
          previous: first === 1 ? range.previous : undefined,
          watched: range.watched.filter((one) => one.seq >= first),
          ...(last >= head.seq ? {} : { until: last + 1 }),
        },
        findings,
        control,
      )
    }
  })
  await walkChains(target, doubtful, findings, control)
  return covered
}

/** Counts partition by partition, on so many connections at once, each in short transactions on the exported snapshot. */
async function countAll(
  client: Client,
  target: ConnectionTarget,
  options: VerifyOptions,
  snapshot: string,
  seed: number,
): Promise<Map<string, Counted>> {
  const counts = new Map<string, Counted>()
  const queue = await partitions(client)
  const count = async (connection: Client) => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      options.signal?.throwIfAborted()
      await connection.query("begin isolation level repeatable read read only")
      await connection.query(`set transaction snapshot '${snapshot.replaceAll("'", "")}'`)
      if (!(await holdPartition(connection, next.name))) continue
      const { rows } = await connection.query<Record<string, string | null>>(
        `select organization_id, lane, count(*) as events, min(seq) as least, max(seq) as most, sum(hashint8extended(seq, $4::bigint)) as places,
           count(*) filter (where inside) as inside,
           count(*) filter (where inside and (identity or content)) as redacted, count(*) filter (where inside and identity) as identity,
           count(*) filter (where inside and content) as content, min(seq) filter (where inside) as first, max(seq) filter (where inside) as last
         from (
           select organization_id, lane, seq, identity_digest is not null as identity, content_digest is not null as content,
             occurred_at >= coalesce($2::timestamptz, '-infinity') and ($3::timestamptz is null or occurred_at < $3) as inside
           from only ${next.name}
           where $1::text is null or organization_id = $1
         ) e
         group by organization_id, lane`,
        [options.organization ?? null, options.since ?? null, options.until ?? null, seed],
      )
      await connection.query("commit")
      for (const row of rows) add(counts, row)
    }
  }
  const jobs = Math.max(1, Math.min(options.jobs ?? 2, queue.length))
  await Promise.all(Array.from({ length: jobs }, () => withClient(target, count)))
  return counts
}

const none: Counted = {
  events: 0,
  places: 0n,
  least: Number.POSITIVE_INFINITY,
  most: 0,
  inside: 0,
  redacted: noneRedacted,
  first: undefined,
  last: undefined,
}

function add(counts: Map<string, Counted>, row: Record<string, string | null>): void {
  const key = chainKey(row.organization_id ?? "", row.lane ?? "0")
  const have = counts.get(key) ?? none
  const number = (text: string | null | undefined) => Number.parseInt(text ?? "0", 10)
  const bound = (text: string | null | undefined) => (text == null ? undefined : Number.parseInt(text, 10))
  const firsts = [have.first, bound(row.first)].filter((seq) => seq !== undefined)
  const lasts = [have.last, bound(row.last)].filter((seq) => seq !== undefined)
  counts.set(key, {
    events: have.events + number(row.events),
    places: have.places + BigInt(row.places ?? "0"),
    least: Math.min(have.least, Number(row.least)),
    most: Math.max(have.most, Number(row.most)),
    inside: have.inside + number(row.inside),
    redacted: addRedacted(have.redacted, {
      events: number(row.redacted),
      identity: number(row.identity),
      content: number(row.content),
    }),
    first: firsts.length === 0 ? undefined : Math.min(...firsts),
    last: lasts.length === 0 ? undefined : Math.max(...lasts),
  })
}

/**
 * What the places of each chain that are not purged add up to; only where they are as many as the events: no head and no purge that
 * somebody forged then makes the server count to the end of all numbers.
 */
async function expectedPlaces(
  client: Client,
  { heads, purges }: Known,
  counts: ReadonlyMap<string, Counted>,
  seed: number,
): Promise<Map<string, bigint>> {
  const fitting = [...heads].filter(([chain, head]) => {
    const { isOdd, places } = purges.of(chain)
    return !isOdd && (counts.get(chain)?.events ?? 0) + places === head.seq
  })
  const filled = fitting.map(([, head]) => head).filter(({ seq }) => seq > 0)
  const isPurged = purges.chains.size > 0
  const left = isPurged
    ? `int8multirange(int8range(1, h.seq + 1)) - coalesce((select range_agg(r) from pgtrail.purge p, unnest(p.ranges) r
         where p.organization_id = h.organization_id collate "C" and p.lane = h.lane and p.act_seq = any($5::bigint[])), '{}')`
    : "int8multirange(int8range(1, h.seq + 1))"
  const { rows } = await client.query<{ organization_id: string; lane: string; places: string | null }>(
    `select h.organization_id, h.lane, s.places
     from unnest($1::text[], $2::smallint[], $3::bigint[]) h (organization_id, lane, seq),
       lateral (select sum(hashint8extended(g, $4::bigint)) as places
         from unnest(${left}) l, generate_series(lower(l), upper(l) - 1) g) s`,
    [
      filled.map((head) => head.organization_id),
      filled.map((head) => head.lane),
      filled.map((head) => head.seq),
      seed,
      ...(isPurged ? [purges.acts] : []),
    ],
  )
  return new Map([
    ...fitting.map(([chain]) => [chain, 0n] as const),
    ...rows.map((row) => [chainKey(row.organization_id, row.lane), BigInt(row.places ?? "0")] as const),
  ])
}

interface Gone {
  readonly places: number
  readonly archived: number
  readonly first: number
  readonly last: number
}

/** Of each chain what purges removed that had events of the time that was asked for, and perhaps others: the most that it can be. */
async function purgedInside(
  client: Client,
  { since, until }: VerifyOptions,
  { purges }: Known,
): Promise<Map<string, Gone>> {
  const chains = [...purges.chains.keys()].map(chainOf)
  if (chains.length === 0) return new Map()
  const { rows } = await client.query<
    Record<"organization_id" | "lane" | "places" | "archived" | "first" | "last", string>
  >(
    `select p.organization_id, p.lane, coalesce(sum(upper(r) - lower(r)), 0) as places,
       coalesce(sum(upper(r) - lower(r)) filter (where p.act_seq = any($6::bigint[])), 0) as archived, min(lower(r)) as first, max(upper(r)) - 1 as last
     from unnest($3::text[], $4::smallint[]) c (organization_id, lane)
     join pgtrail.purge p on p.organization_id = c.organization_id collate "C" and p.lane = c.lane,
       unnest(p.ranges) r
     where p.act_seq = any($5::bigint[]) and p.newest_occurred_at >= coalesce($1::timestamptz, '-infinity')
       and ($2::timestamptz is null or p.oldest_occurred_at < $2)
     group by p.organization_id, p.lane`,
    [
      since ?? null,
      until ?? null,
      chains.map(({ organization }) => organization),
      chains.map(({ lane }) => lane),
      purges.acts,
      purges.archivedActs,
    ],
  )
  return new Map(
    rows.map(({ organization_id, lane, places, archived, first, last }) => [
      chainKey(organization_id, lane),
      { places: Number(places), archived: Number(archived), first: Number(first), last: Number(last) },
    ]),
  )
}
