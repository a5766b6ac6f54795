// Tells an event that was moved from one that was altered: at another place that is open its hash would fit.
import { fitsAt, type Seen } from "./seen.js"

/** How many altered events are compared with each other's places, to tell a swap from an alteration. */
export const mostSwaps = 64

/** The places of altered events, and those of gaps. */
export function openPlaces(
  altered: readonly (readonly [row: Seen, broken: string])[],
  missing: readonly { readonly first: number; readonly last: number }[],
): Set<number> {
  const open = new Set(altered.map(([row]) => row.seq))
  for (const { first, last } of missing) {
    for (let seq = first; seq <= last && open.size < 4 * mostSwaps; seq++) open.add(seq)
  }
  return open
}

export const homeOf = (row: Seen, open: ReadonlySet<number>): number | undefined =>
  [...open].find((seq) => fitsAt(row, seq))
