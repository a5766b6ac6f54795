// Follows one request, correlation or session through the log, oldest event first, over organizations.
import { microseconds } from "../binary.js"
import type { ConnectionTarget } from "../connection.js"
import type { EventColumn } from "../event-columns.js"
import type { EventRow } from "../query/columns.js"
import type { CriterionName, EventFilter } from "../query/criteria.js"
import { events } from "../query/events.js"
import type { Period } from "../query/time.js"

/** What an id may be of, in the order in which they are told. */
export const traceKinds = ["request", "correlation", "session"] as const satisfies readonly CriterionName[]
export type TraceKind = (typeof traceKinds)[number]

export interface TraceEvent {
  /** An event that the id matches in several ways stands with the first of them. */
  readonly matched: TraceKind
  /** Since the event before it of this kind, in microseconds; null for the first, and next to an infinite time. */
  readonly gap: string | null
  /** The columns that were asked for. */
  readonly row: EventRow
}

export interface TraceOptions extends Period {
  readonly organization?: EventFilter["organization"]
  /** At most this many events of each kind. Without it, all. */
  readonly limit?: number | undefined
  /** Only these columns; without it, all. */
  readonly columns?: readonly EventColumn[] | undefined
  readonly signal?: AbortSignal | undefined
}

/** Kind by kind, each from its oldest event on. Nothing is asked before the first is; every iteration asks again. */
export interface Trace extends AsyncIterable<TraceEvent> {
  /** After the last: the kinds whose events the limit left out. */
  readonly more: readonly TraceKind[]
}

export function trace(target: ConnectionTarget, id: string, options: TraceOptions = {}): Trace {
  const { columns, ...asked } = options
  const read = columns === undefined ? {} : { columns: [...new Set([...columns, "occurred_at" as const])] }
  const more: TraceKind[] = []
  return {
    more,
    async *[Symbol.asyncIterator]() {
      more.length = 0
      for (const [at, matched] of traceKinds.entries()) {
        const earlier = Object.fromEntries(traceKinds.slice(0, at).map((kind) => [kind, id]))
        const found = events(target, { ...asked, ...read, [matched]: id, not: earlier, order: "oldest" })
        let before: string | undefined
        for await (const row of found) {
          const time = row.occurred_at ?? ""
          yield { matched, gap: before === undefined ? null : between(before, time), row }
          before = time
        }
        if (found.more) more.push(matched)
      }
    },
  }
}

function between(earlier: string, later: string): string | null {
  return [earlier, later].some((time) => time.endsWith("infinity"))
    ? null
    : String(microseconds(later) - microseconds(earlier))
}

const units = [
  [86_400_000_000n, "d"],
  [3_600_000_000n, "h"],
  [60_000_000n, "m"],
] as const

/** A gap for people: `+0.250000s`, `+2m 3s`, `+1d 4h`. */
export function gapWords(gap: string): string {
  const value = BigInt(gap)
  const at = units.findIndex(([size]) => value >= size)
  const [size, unit] = units[at] ?? []
  if (size === undefined) return `+${value / 1_000_000n}.${String(value % 1_000_000n).padStart(6, "0")}s`
  const [below, name] = units[at + 1] ?? [1_000_000n, "s"]
  return `+${value / size}${unit} ${(value % size) / below}${name}`
}
