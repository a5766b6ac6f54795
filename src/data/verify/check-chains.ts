// Checks chains to their heads: one pass over the events in physical order, then the chains whose sum does not close up in their own order.
import type { Client } from "pg"
import type { ConnectionTarget } from "../connection.js"
import type { Chains } from "./chains.js"
import { isDoubtful, startsOf } from "./doubtful.js"
import type { Findings } from "./finding.js"
import type { ChainHead } from "./heads.js"
import { newestPlaces } from "./newest-places.js"
import { Pace } from "./pace.js"
import { partitions } from "./partitions.js"
import { defaultJobs, type PoolTotals, scanAll } from "./pool.js"
import type { Purges } from "./purges.js"
import type { Redactions } from "./redactions.js"
import { chainOf } from "./row.js"
import type { ScanJob } from "./scan.js"
import type { VerifyOptions } from "./verify.js"
import { addRedacted, noneRedacted, type Redacted, type Walked } from "./walk-chain.js"
import { walkChains } from "./walk-chains.js"
import type { WalkRange, Watched } from "./walk-range.js"

export interface Covered {
  readonly chains: number
  readonly events: number
  readonly redacted: Redacted
  /** Events that are gone with a record, also those that stand in archives. */
  readonly purged: number
  readonly archived: number
  /** Where it stopped before its end, as ORG/LANE/SEQ. */
  readonly next?: string
}

/** What is known of the chains before an event is read. */
export interface Known {
  /** Exported by the connection that keeps it alive. */
  readonly snapshot: string
  /** 32 bytes, drawn for this verification. */
  readonly key: Buffer
  readonly purges: Purges
  readonly redactions: Redactions
  readonly logIds: readonly string[]
  readonly heads: ReadonlyMap<string, ChainHead>
  readonly watched: ReadonlyMap<string, readonly Watched[]>
  /** Only of an incremental verification: the places it starts from. A chain that is not in it starts at its genesis. */
  readonly starts: ReadonlyMap<string, Watched> | undefined
}

export async function checkChains(
  client: Client,
  target: ConnectionTarget,
  options: VerifyOptions,
  known: Known,
  sums: Chains,
  findings: Findings,
): Promise<Covered> {
  const { purges } = known
  const job = await scanJob(client, target, options, known)
  const totals =
    job === undefined
      ? { chains: new Map(), outOfBounds: [], placeless: [] }
      : await scanAll(client, job, options.progress ?? (() => undefined), options.signal)
  reportMisplaced(totals, findings)

  // What is read by lanes alone would not see a lane without a head, nor an event after the head of a lane where nothing is new.
  const newest = known.starts === undefined ? undefined : await newestPlaces(target, options, known.snapshot)
  const chains = allChains(known, [...totals.chains.keys(), ...(newest?.keys() ?? [])])
  const doubtful = chains.filter((chain) => isDoubtful(known, sums, chain, totals.chains.get(chain), newest))
  const walked = await walkChains(
    target,
    doubtful.map((chain) => ({ range: rangeOf(known, chain), hadEvents: totals.chains.has(chain) })),
    findings,
    {
      purges,
      signal: options.signal,
      pace: new Pace(options.maxRate),
      // A scan of everything has told of such rows.
      tellsPlaceless: known.starts !== undefined,
    },
  )
  // What the second reading saw counts: a partition may have been replaced between the two.
  const recounted = new Map(doubtful.map((chain, at) => [chain, walked[at]]))
  return tally(chains, totals, recounted, purges)
}

/** What was covered; of a chain that was read again, what the second reading saw. */
export function tally(
  chains: readonly string[],
  totals: Pick<PoolTotals, "chains"> & { readonly placeless: readonly unknown[] },
  recounted: ReadonlyMap<string, Pick<Walked, "events" | "redacted" | "purged" | "archived"> | undefined>,
  purges: Pick<Purges, "of">,
): Covered {
  let events = totals.placeless.length
  let redacted = noneRedacted
  let purged = 0
  let archived = 0
  for (const chain of chains) {
    const total = totals.chains.get(chain)
    events += recounted.get(chain)?.events ?? total?.events ?? 0
    const gone = recounted.get(chain) ?? {
      purged: purges.of(chain).places,
      archived: purges.of(chain).archived,
    }
    purged += gone.purged
    archived += gone.archived
    const read = recounted.get(chain)?.redacted
    const first = total && {
      events: total.redacted,
      identity: total.redactedIdentity,
      content: total.redactedContent,
    }
    redacted = addRedacted(redacted, read ?? first ?? noneRedacted)
  }
  return { chains: chains.length, events, redacted, purged, archived }
}

/** Keys of all chains that have a head, or events, or purges, or that an anchor knows; in the order of organization and lane. */
export function allChains(
  known: Pick<Known, "heads" | "starts" | "watched" | "purges">,
  seen: Iterable<string> = [],
): string[] {
  return [
    ...new Set([
      ...known.heads.keys(),
      ...(known.starts?.keys() ?? []),
      ...known.watched.keys(),
      ...known.purges.chains.keys(),
      ...seen,
    ]),
  ].sort()
}

export function rangeOf(known: Pick<Known, "starts" | "logIds" | "watched">, chain: string): WalkRange {
  const { organization, lane } = chainOf(chain)
  const start = known.starts?.get(chain)
  const first = (start?.seq ?? 0) + 1
  return {
    organization_id: organization,
    lane,
    first,
    previous: startsOf(known, chain).map((one) => one.hash),
    start,
    watched: (known.watched.get(chain) ?? []).filter((one) => one.seq >= first),
  }
}

/** Undefined where there is nothing to read: an incremental verification of a log without new events. */
async function scanJob(
  client: Client,
  target: ConnectionTarget,
  options: VerifyOptions,
  known: Known,
): Promise<ScanJob | undefined> {
  const changed = [...known.heads]
    .map(([chain, head]) => ({ head, after: known.starts?.get(chain)?.seq ?? 0 }))
    .filter(({ head, after }) => head.seq > after)
  if (known.starts !== undefined && changed.length === 0) return undefined
  const { rows } = await client.query<
    Record<"is_standby" | "organization" | "organizations" | "lanes" | "seqs", string>
  >(
    `select pg_is_in_recovery() as is_standby, quote_literal($1::text) as organization, quote_literal($2::text[]::text) as organizations,
       quote_literal($3::smallint[]::text) as lanes, quote_literal($4::bigint[]::text) as seqs`,
    [
      options.organization ?? null,
      changed.map(({ head }) => head.organization_id),
      changed.map(({ head }) => head.lane),
      changed.map(({ after }) => after),
    ],
  )
  const [quoted] = rows
  const all = await partitions(client)
  const jobs = options.jobs ?? defaultJobs(all)
  return {
    target,
    jobs,
    snapshot: known.snapshot,
    isStandby: quoted?.is_standby === "t",
    key: known.key,
    partitions: all,
    organizationLiteral: quoted?.organization ?? undefined,
    watched: new Map([...known.watched].map(([chain, heads]) => [chain, heads.map((head) => head.seq)])),
    starts:
      known.starts === undefined || quoted === undefined
        ? undefined
        : [quoted.organizations, quoted.lanes, quoted.seqs],
    hasEntries: known.redactions.any,
    rate: options.maxRate === undefined ? undefined : options.maxRate / jobs,
  }
}

export function reportMisplaced(
  totals: Pick<PoolTotals, "outOfBounds" | "placeless">,
  findings: Pick<Findings, "add">,
): void {
  for (const { partition, evidence, ...place } of totals.outOfBounds) {
    findings.add({
      kind: "out_of_bounds",
      ...place,
      evidence: `out of bounds ${partition} ${evidence}`,
      message: `event ${place.seq} stands in ${partition}, whose bounds it is outside of: queries by time do not find it`,
    })
  }
  for (const { partition, evidence } of totals.placeless) {
    findings.add({
      kind: "altered",
      evidence: `no place ${evidence}`,
      message: `a row of ${partition} has no place in any chain: its chain columns were changed`,
    })
  }
}
