// Which segments one statement reads together: few while a page fills quickly, more where most partitions have nothing of what is asked.
import type { EventFilter } from "./criteria.js"
import type { Segment } from "./segments.js"
import type { Period } from "./time.js"

/**
 * Partitions that one statement opens at most. Each has some twelve relations to be locked, and takes a tenth of a millisecond to plan; a
 * statement of its own takes half of one.
 */
export const mostPartitions = 8

/** Segments that touch. DEFAULT, which has times between all others, is read alone: the others then follow each other without being merged. */
export interface Stretch extends Period {
  readonly segments: number
  /** All of them are. */
  readonly isSettled: boolean
}

/** Those from `at` on, `most` at most. */
export function stretchAt(segments: readonly Segment[], at: number, most: number): Stretch | undefined {
  const first = segments[at]
  if (first === undefined) return undefined
  let { since, until, isSettled } = first
  let count = 1
  for (const { isDefault, ...next } of segments.slice(at + 1, at + most)) {
    if (first.isDefault || isDefault) break
    if (next.until !== undefined && next.until === since) since = next.since
    else if (next.since !== undefined && next.since === until) until = next.until
    else break
    isSettled &&= next.isSettled
    count += 1
  }
  return { since, until, isSettled, segments: count }
}

/** What one of these names has few events, and most partitions have none of them. */
const rare = ["at", "request", "correlation", "session"] as const

/** Whether few events can be meant: an index finds them, whatever its values. */
export function isRare({ resource = [], ...filter }: EventFilter): boolean {
  const resources = [resource].flat()
  return (
    rare.some((name) => [filter[name] ?? []].flat().length > 0) ||
    (resources.length > 0 && resources.every((typed) => typed.includes("/")))
  )
}

/** How many the first statement opens: one, unless it would hardly find anything. */
export const firstMost = (filter: EventFilter): number => (isRare(filter) ? mostPartitions : 1)

/** As many as the rest of the limit needs, if they have as much as those that were read last. */
export function nextMost(read: Pick<Stretch, "segments">, found: number, left: number): number {
  if (found === 0) return mostPartitions
  return Math.max(1, Math.min(mostPartitions, Math.ceil((left * read.segments) / found)))
}

/** All of them in as few statements as may be: for what is asked of all partitions, whatever some of them have. */
export function* stretches(segments: readonly Segment[]): Generator<Stretch> {
  for (let at = 0; ; ) {
    const stretch = stretchAt(segments, at, mostPartitions)
    if (stretch === undefined) return
    yield stretch
    at += stretch.segments
  }
}
