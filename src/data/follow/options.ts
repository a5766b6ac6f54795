// What can be asked of following a log, and what it gives.
import type { EventColumn } from "../event-columns.js"
import type { EventRow } from "../query/columns.js"
import type { EventFilter } from "../query/criteria.js"

export interface FollowOptions {
  readonly filter?: EventFilter | undefined
  /** Only these columns; without it, all. */
  readonly columns?: readonly EventColumn[] | undefined
  /**
   * Where to begin: so many of the newest events that the filter wants, at the beginning, or where an earlier run stopped (`cursor`). Without it
   * at what comes from now on; with `verify` where the last verification ended. `lookBack`: the newest events are looked for among so many of all.
   */
  readonly from?:
    | { readonly newest: number; readonly lookBack?: number }
    | { readonly cursor: string; readonly name?: string }
    | "beginning"
    | undefined
  /** Waits for more when all has been read, and connects anew when the server goes away. */
  readonly keepsOn?: boolean | undefined
  /** Checks every event of the organizations that the filter names, and gives those that it wants. */
  readonly verify?: boolean | undefined
  /** Ends after so many. */
  readonly limit?: number | undefined
  /** What was asked, in any form that stays the same: a cursor of another question is refused. Without it the filter but for its times. */
  readonly question?: string | undefined
  /** Milliseconds between two looks; 300. */
  readonly pollMs?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Hears what people should know: that the server went away, that something cannot be checked. */
  readonly tell?: ((message: string) => void) | undefined
}

/** Events in the order of arrival. Can be iterated once. */
export interface Following extends AsyncIterable<EventRow> {
  /** The same in portions: one ends when nothing more has come, or a second is over. Whoever asks for the next has dealt with all before. */
  portions(): AsyncIterable<AsyncIterable<EventRow>>
  /** Text from which another run goes on after the events that were dealt with: those after which another was asked for. */
  cursor(): string
  /** Whether the limit left events out that are there. */
  readonly more: boolean
  /** Events that `verify` has checked. */
  readonly checked: bigint
  /** Places that are empty, though no purge says that it took what was there. */
  readonly missing: bigint
  /** Places that are empty, and this role may not know why. */
  readonly unknown: bigint
}
