// Verifies the events of a time range: hashes what lies in it with the neighbours in its chains, and counts the rest, so that a chain
// from which the whole range was taken away is seen too.
import { randomInt } from "node:crypto"
import type { Client } from "pg"
import { type ConnectionTarget, withClient } from "../connection.js"
import { allChains, type Covered, type Known, rangeOf } from "./check-chains.js"
import type { Findings } from "./finding.js"
import { Pace } from "./pace.js"
import { holdPartition, partitions } from "./partitions.js"
import { chainKey } from "./row.js"
import type { VerifyOptions } from "./verify.js"
import { walkChain } from "./walk-chain.js"
import { type DoubtfulChain, walkChains } from "./walk-chains.js"

/** What was counted of a chain. */
interface Counted {
  events: number
  /** Sum of a keyed hash of each seq: of places from 1 to n equal to that of all only when each of them is there once. */
  places: bigint
  inside: number
  least: number
  most: number
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
  const expected = await expectedPlaces(client, known, seed)
  const covered = { chains: 0, events: 0, redacted: 0 }
  const doubtful: DoubtfulChain[] = []
  const control = { signal: options.signal, pace: new Pace(options.maxRate), tellsPlaceless: true }
  await withClient(target, async (reader) => {
    for (const chain of allChains(known, counts.keys())) {
      const head = known.heads.get(chain)
      const count = counts.get(chain)
      const range = rangeOf(known, chain)
      const isWhole =
        count !== undefined && count.least === 1 && count.most === head?.seq && count.events === head.seq
      if (head === undefined || !isWhole || count.places !== expected.get(chain)) {
        doubtful.push({ range, hadEvents: count !== undefined })
        covered.chains += 1
        covered.events += count?.inside ?? 0
        continue
      }
      if (count.first === undefined || count.last === undefined) continue
      covered.chains += 1
      covered.events += count.inside
      const first = Math.max(1, count.first - 1)
      await walkChain(
        reader,
        {
          ...range,
          first,
          previous: first === 1 ? range.previous : undefined,
          watched: range.watched.filter((one) => one.seq >= first),
          ...(count.last >= head.seq ? {} : { until: count.last + 1 }),
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
           count(*) filter (where inside) as inside, min(seq) filter (where inside) as first, max(seq) filter (where inside) as last
         from (
           select organization_id, lane, seq,
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
  inside: 0,
  least: Number.POSITIVE_INFINITY,
  most: 0,
  first: undefined,
  last: undefined,
}

function add(counts: Map<string, Counted>, row: Record<string, string | null>): void {
  const key = chainKey(row.organization_id ?? "", row.lane ?? "0")
  const have = counts.get(key) ?? none
  const bound = (text: string | null | undefined) => (text == null ? undefined : Number.parseInt(text, 10))
  const firsts = [have.first, bound(row.first)].filter((seq) => seq !== undefined)
  const lasts = [have.last, bound(row.last)].filter((seq) => seq !== undefined)
  counts.set(key, {
    events: have.events + Number.parseInt(row.events ?? "0", 10),
    places: have.places + BigInt(row.places ?? "0"),
    least: Math.min(have.least, Number(row.least)),
    most: Math.max(have.most, Number(row.most)),
    inside: have.inside + Number.parseInt(row.inside ?? "0", 10),
    first: firsts.length === 0 ? undefined : Math.min(...firsts),
    last: lasts.length === 0 ? undefined : Math.max(...lasts),
  })
}

/** What the places 1 to the head of each chain add up to. */
async function expectedPlaces(client: Client, known: Known, seed: number): Promise<Map<string, bigint>> {
  const heads = [...known.heads.values()]
  const { rows } = await client.query<{ organization_id: string; lane: string; places: string | null }>(
    `select h.organization_id, h.lane, s.places
     from unnest($1::text[], $2::smallint[], $3::bigint[]) h (organization_id, lane, seq),
       lateral (select sum(hashint8extended(g, $4::bigint)) as places from generate_series(1, h.seq) g) s`,
    [
      heads.map((head) => head.organization_id),
      heads.map((head) => head.lane),
      heads.map((head) => head.seq),
      seed,
    ],
  )
  return new Map(rows.map((row) => [chainKey(row.organization_id, row.lane), BigInt(row.places ?? "0")]))
}
