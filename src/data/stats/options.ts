// What statistics are asked for, and what they answer. Without drizzle: the command line reads it.
import { TrailError } from "../errors.js"
import { near } from "../near.js"
import type { EventFilter } from "../query/criteria.js"
import { quoted } from "../words.js"

/** What events can be counted by. */
export const dimensions = [
  "actor",
  "resource",
  "type",
  "outcome",
  "severity",
  "category",
  "hour",
  "day",
] as const
export type Dimension = (typeof dimensions)[number]

export interface StatsOptions extends EventFilter {
  readonly by?: readonly Dimension[] | undefined
  /** Groups of each dimension that are told one by one. Default 10. */
  readonly limit?: number | undefined
  /** Stops the count and cuts its connection. */
  readonly signal?: AbortSignal | undefined
  /** Called now and then with what is being done. */
  readonly progress?: ((doing: string) => void) | undefined
}

interface Counts {
  readonly events: string
  /** Of these with the outcome failure, denied or error. */
  readonly failed: string
  /** Sum of data_size_bytes. */
  readonly data_size_bytes: string
}

export interface Group extends Counts {
  /** Null: the events that have none. A day as 2026-07-10, an hour as 2026-07-10T13:00:00.000000Z, both UTC. */
  readonly value: string | null
}

/** The groups that the limit left out, together. */
export interface Rest extends Counts {
  readonly values: string
}

export interface Grouped {
  readonly by: Dimension
  /** Those with the most events; of days and hours the newest, in the order of time. */
  readonly groups: readonly Group[]
  readonly rest: Rest | null
}

export interface Stats {
  readonly total_events: string
  /** Events with the outcome failure, denied or error. */
  readonly failed_operations: string
  /** Different actor ids. */
  readonly unique_users: string
  /** Every type, those with the most events first. */
  readonly events_by_type: Readonly<Record<string, string>>
  /** Sum of data_size_bytes. */
  readonly data_size_bytes: string
  readonly grouped: readonly Grouped[]
  /** What answered: the daily summaries, with what they lack counted from the events, or the events alone, and why. */
  readonly source: Source
}

export type Source =
  | {
      readonly counted: "summaries"
      /** Events that no summary had yet. */
      readonly since: string
      /** Days, of one organization each, that the summaries do not tell at present. */
      readonly days: string
      /** Days that lie in the time only in part: 0 to 2. */
      readonly parts: string
    }
  | { readonly counted: "events"; readonly why: string; readonly hint: string | null }

/** `actor,day`: what --by takes. Throws TrailError `usage`. */
export function readDimensions(typed: string): Dimension[] {
  const words = typed.split(",").map((word) => word.trim())
  return [
    ...new Set(
      words.map((word) => {
        const known = dimensions.find((one) => one === word)
        if (known !== undefined) return known
        const [meant] = near(word.slice(0, 100), dimensions, 1)
        throw new TrailError("usage", `--by takes ${dimensions.join(", ")}, not ${quoted(word)}`, {
          hint: meant === undefined ? "several with commas: --by actor,day" : `did you mean ${meant}?`,
        })
      }),
    ),
  ]
}
