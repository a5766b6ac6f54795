// Which chains a pass over the events leaves in doubt: those are read again in their order, and only that reading makes findings.
import { genesis } from "../canonical.js"
import { type Chains, type ChainTotals, merge } from "./chains.js"
import type { Known } from "./check-chains.js"
import type { PurgedChain } from "./purged-chain.js"
import { chainOf } from "./row.js"
import type { Head } from "./walk-range.js"

/** What one pass over the events leaves of a chain that has to be read again in its order. */
export function isDoubtful(
  known: Omit<Known, "snapshot" | "key">,
  sums: Pick<Chains, "closes">,
  chain: string,
  read: ChainTotals | undefined,
  newest?: ReadonlyMap<string, number>,
): boolean {
  const head = known.heads.get(chain)
  const purge = known.purges.of(chain)
  const total = withPurged(read, chain, purge)
  const starts = startsOf(known, chain)
  if (head === undefined || purge.isOdd) return true
  const start = known.starts?.get(chain)
  const purged = start === undefined ? undefined : purge.known.get(start.seq)
  if (purged !== undefined && purged !== "" && purged !== start?.hash) return true
  const watched = (known.watched.get(chain) ?? []).filter((one) => one.seq > (start?.seq ?? 0))
  if (watched.some((one) => !isAsKnown(one, total, purge))) return true
  if (total !== undefined && total.redactions !== known.redactions.sumOf(chain)) return true
  if (total === undefined) {
    const isUnchanged = starts.some((start) => start.seq === head.seq && start.hash === head.hash)
    return known.starts === undefined || !isUnchanged || (newest?.get(chain) ?? 0) > head.seq
  }
  return !starts.some((start) => sums.closes(total, start, head))
}

/** What was purged counts as if it had been read: the links of its ranges close the gaps. */
function withPurged(
  total: ChainTotals | undefined,
  chain: string,
  { places, sum }: PurgedChain,
): ChainTotals | undefined {
  if (places === 0) return total
  const none = {
    redacted: 0,
    redactedIdentity: 0,
    redactedContent: 0,
    redactions: 0n,
    dirty: false,
    watched: undefined,
  }
  const all = new Map(total === undefined ? [] : [[chain, total]])
  merge(all, [{ chain, events: places, sum, ...none }])
  return all.get(chain)
}

/** Of a place within a purged range nobody knows the hash any more: it was purged with the others. */
function isAsKnown({ seq, hash }: Head, total: ChainTotals | undefined, { known }: PurgedChain): boolean {
  const purged = known.get(seq)
  return purged === undefined ? total?.watched?.get(seq) === hash : purged === "" || purged === hash
}

/** Where a chain may start: at its anchor, else at the genesis of any of the log's ids. */
export function startsOf(known: Pick<Known, "starts" | "logIds">, chain: string): readonly Head[] {
  const start = known.starts?.get(chain)
  if (start !== undefined) return [start]
  const { organization, lane } = chainOf(chain)
  return known.logIds.map((id) => ({ seq: 0, hash: genesis(id, organization, lane).toString("latin1") }))
}
