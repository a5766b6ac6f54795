// Checks chain after chain in their order, for a verification that may have to stop in the middle and be gone on with later.
import { type ConnectionTarget, withClient } from "../connection.js"
import type { Place } from "../query/typed.js"
import { allChains, type Covered, type Known, rangeOf } from "./check-chains.js"
import type { Findings } from "./finding.js"
import { newestPlaces } from "./newest-places.js"
import { deadline, Pace } from "./pace.js"
import { chainKey } from "./row.js"
import type { VerifyOptions } from "./verify.js"
import { addRedacted, noneRedacted, walkChain } from "./walk-chain.js"

/** What no user is told of: a test's log is too small for the pages of a real one. */
interface InternalOptions extends VerifyOptions {
  readonly pageRows?: number
}

/** Starts at `options.from`, stops when `options.maxSeconds` are over. */
export async function checkInOrder(
  target: ConnectionTarget,
  options: InternalOptions,
  known: Known,
  findings: Findings,
): Promise<Covered> {
  const { from, signal, progress = () => undefined } = options
  const isOver = deadline(options.maxSeconds)
  const control = {
    purges: known.purges,
    isOver,
    signal,
    pageRows: options.pageRows,
    pace: new Pace(options.maxRate),
    tellsPlaceless: true,
  }
  const first = from === undefined ? "" : chainKey(from.organization, from.lane)
  const newest = await newestPlaces(target, options, known.snapshot)
  const place = from === undefined ? [] : [first]
  const chains = allChains(known, [...newest.keys(), ...place])
    .filter((chain) => chain >= first)
    .sort()
  const covered = {
    chains: 0,
    events: 0,
    redacted: noneRedacted,
    purged: 0,
    archived: 0,
  }
  return withClient(target, async (client) => {
    for (const chain of chains) {
      const whole = rangeOf(known, chain)
      // The event that was read last is read again, so that no link between two runs is left out.
      const range =
        chain === first && from !== undefined ? { ...whole, ...fromPlace(from, whole.first) } : whole
      if (covered.events > 0 && isOver())
        return { ...covered, next: `${range.organization_id}/${range.lane}/${range.first}` }
      const { events, redacted, purged, archived, stoppedAt } = await walkChain(client, range, findings, {
        ...control,
        counted: (more) => {
          covered.events += more
          progress(covered.events)
        },
      })
      if (events + purged > 0) covered.chains += 1
      covered.redacted = addRedacted(covered.redacted, redacted)
      covered.purged += purged
      covered.archived += archived
      if (stoppedAt !== undefined) {
        return { ...covered, next: `${range.organization_id}/${range.lane}/${stoppedAt}` }
      }
    }
    return covered
  })
}

function fromPlace(from: Place, first: number): { first: number; previous?: undefined; start?: undefined } {
  const seq = Number.parseInt(from.seq, 10)
  return seq <= first ? { first } : { first: seq, previous: undefined, start: undefined }
}
