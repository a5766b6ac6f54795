// What was counted so far, portion by portion, and what is told of it.
import { writeTime } from "../query/columns.js"
import { Distinct } from "./distinct.js"
import type { Dimension, Group, Grouped, Rest, Source, Stats } from "./options.js"

/** A group of one dimension as a statement counted it; of `keys` the value is the different actors, 32 hex digits each. */
export interface CountRow {
  readonly dimension: string
  readonly value: string | null
  readonly events: string
  readonly failed: string
  readonly bytes: string
}

interface Counts {
  events: bigint
  failed: bigint
  bytes: bigint
}

const none = (): Counts => ({ events: 0n, failed: 0n, bytes: 0n })

function add(to: Counts, { events, failed, bytes }: Counts): void {
  to.events += events
  to.failed += failed
  to.bytes += bytes
}

export class Tally {
  /** Of all events, from the counts by type: every event has one. */
  readonly total = none()
  readonly actors = new Distinct()
  readonly #groups = new Map<string, Map<string | null, Counts>>()

  add(rows: readonly CountRow[]): void {
    for (const { dimension, value, ...row } of rows) {
      if (dimension === "keys") {
        this.actors.add(value ?? "")
        continue
      }
      const counts = { events: BigInt(row.events), failed: BigInt(row.failed), bytes: BigInt(row.bytes) }
      if (dimension === "type") add(this.total, counts)
      const groups = this.#groups.get(dimension) ?? new Map<string | null, Counts>()
      const group = groups.get(value) ?? none()
      add(group, counts)
      groups.set(value, group)
      this.#groups.set(dimension, groups)
    }
  }

  answer(by: readonly Dimension[], limit: number, users: string, source: Source): Stats {
    const types = this.#sorted("type").map(([type, { events }]) => [type ?? "", String(events)] as const)
    return {
      total_events: String(this.total.events),
      failed_operations: String(this.total.failed),
      unique_users: users,
      events_by_type: Object.fromEntries(types),
      data_size_bytes: String(this.total.bytes),
      grouped: by.map((dimension) => this.#grouped(dimension, limit)),
      source,
    }
  }

  #grouped(by: Dimension, limit: number): Grouped {
    const isTime = by === "day" || by === "hour"
    const all = isTime ? this.#inTime(by) : this.#sorted(by)
    const shown = isTime ? all.slice(Math.max(0, all.length - limit)) : all.slice(0, limit)
    const left = isTime ? all.slice(0, all.length - shown.length) : all.slice(limit)
    const groups = shown.map(
      ([value, counts]): Group => ({ value: by === "hour" ? writeTime(value) : value, ...written(counts) }),
    )
    return { by, groups, rest: left.length === 0 ? null : restOf(left.map(([, counts]) => counts)) }
  }

  #entries(by: Dimension): [string | null, Counts][] {
    return [...(this.#groups.get(by) ?? [])]
  }

  /** With the most events first. */
  #sorted(by: Dimension): [string | null, Counts][] {
    return this.#entries(by).sort(([a, x], [b, y]) =>
      x.events === y.events ? compare(a ?? "", b ?? "") : x.events < y.events ? 1 : -1,
    )
  }

  #inTime(by: Dimension): [string | null, Counts][] {
    return this.#entries(by).sort(([a], [b]) => compareTimes(a ?? "", b ?? ""))
  }
}

const written = ({ events, failed, bytes }: Counts) => ({
  events: String(events),
  failed: String(failed),
  data_size_bytes: String(bytes),
})

function restOf(left: readonly Counts[]): Rest {
  const sum = none()
  for (const counts of left) add(sum, counts)
  return { values: String(left.length), ...written(sum) }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Of days and hours as Postgres writes them: BC before our era, and years have four digits or more. */
function compareTimes(a: string, b: string): number {
  const [eraA, eraB] = [era(a), era(b)]
  if (eraA !== eraB) return eraA - eraB
  const [yearA, yearB] = [Number.parseInt(a, 10), Number.parseInt(b, 10)]
  if (yearA !== yearB && !Number.isNaN(yearA) && !Number.isNaN(yearB)) {
    return eraA === 1 ? yearB - yearA : yearA - yearB
  }
  return compare(a, b)
}

const era = (time: string): number =>
  time === "-infinity" ? 0 : time === "infinity" ? 3 : time.endsWith(" BC") ? 1 : 2
