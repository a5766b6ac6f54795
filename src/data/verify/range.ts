// Verifies the events of a time range: hashes what lies in it with the neighbours in its chains, and counts the rest, so that a chain
// from which the whole range was taken away is seen too.
import type { Client } from "pg"
import { genesis } from "../canonical.js"
import type { ConnectionTarget } from "../connection.js"
import type { Covered } from "./check-chains.js"
import type { Findings } from "./finding.js"
import type { ChainHead } from "./heads.js"
import { chainKey } from "./row.js"
import type { VerifyOptions } from "./verify.js"
import { type DoubtfulChain, walkChains, walkRange } from "./walk-chains.js"

interface Segment {
  readonly organization_id: string
  readonly lane: string
  readonly events: string
  readonly newest: string
  /** Different seq. */
  readonly places: string
  readonly oldest: string
  readonly in_range: string
  readonly first: string | null
  readonly last: string | null
}

export async function checkRange(
  client: Client,
  target: ConnectionTarget,
  options: VerifyOptions,
  known: { readonly logId: string | undefined; readonly heads: ReadonlyMap<string, ChainHead> },
  findings: Findings,
): Promise<Covered> {
  const { rows } = await client.query<Segment>(
    `select organization_id, lane, count(*) as events, max(seq) as newest, count(distinct seq) as places, min(seq) as oldest,
        count(*) filter (where inside) as in_range, min(seq) filter (where inside) as first, max(seq) filter (where inside) as last
     from (
        select organization_id, lane, seq,
            occurred_at >= coalesce($2::timestamptz, '-infinity') and ($3::timestamptz is null or occurred_at < $3) as inside
        from pgtrail.event
        where $1::text is null or organization_id = $1
     ) e
     group by organization_id, lane`,
    [options.organization ?? null, options.since ?? null, options.until ?? null],
  )
  const segments = new Map(rows.map((row) => [chainKey(row.organization_id, row.lane), row]))
  const doubtful: DoubtfulChain[] = []
  const covered = { chains: 0, events: 0, redacted: 0 }
  for (const key of new Set([...known.heads.keys(), ...segments.keys()])) {
    const head = known.heads.get(key)
    const segment = segments.get(key)
    const place = segment ?? head
    if (place === undefined) continue
    const { organization_id, lane } = place
    const complete =
      head !== undefined &&
      [segment?.events, segment?.places, segment?.newest].every((count) => count === String(head.seq)) &&
      segment?.oldest === "1"
    if (!complete) {
      doubtful.push({ organization_id, lane, hadEvents: segment !== undefined })
      covered.chains += 1
      covered.events += Number.parseInt(segment?.in_range ?? "0", 10)
      continue
    }
    if (segment === undefined || segment.first === null || segment.last === null) continue
    covered.chains += 1
    covered.events += Number.parseInt(segment.in_range, 10)
    const first = Math.max(1, Number.parseInt(segment.first, 10) - 1)
    const last = Number.parseInt(segment.last, 10)
    const toHead = last >= head.seq
    await walkRange(
      client,
      {
        organization_id,
        lane,
        first,
        previous:
          first === 1 && known.logId !== undefined
            ? genesis(known.logId, organization_id, lane).toString("latin1")
            : undefined,
        head: toHead ? head : undefined,
        watched: undefined,
        ...(toHead ? {} : { until: last + 1 }),
      },
      findings,
      options.signal,
    )
  }
  await walkChains(target, doubtful, known.logId, findings, options.signal)
  return covered
}
