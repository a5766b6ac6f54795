// What an ordered reading of a chain is told before it begins: from where to where, and what is known of it.
import type { NewFinding } from "./finding.js"

export interface Head {
  readonly seq: number
  /** latin1, 32 bytes. */
  readonly hash: string
}

/** What an anchor knows of a place. */
export interface Watched extends Head {
  /** The anchor, in words. */
  readonly by: string
  /** When it was made, by the server's clock: microseconds since 2000. */
  readonly time: bigint
  /** The acts tell that the log was set back to before this anchor. */
  readonly rolledBack: boolean
}

export interface WalkRange {
  readonly organization_id: string
  readonly lane: string
  /** First place that must be there. */
  readonly first: number
  /** Hashes that `first` may be chained to: genesis hashes of a whole chain; undefined where none is known. */
  readonly previous: readonly string[] | undefined
  /** The anchor that this walk starts from, at the place before `first`. */
  readonly start?: Watched | undefined
  /** Last place that must be there, in a walk that stops before the head. */
  readonly until?: number
  readonly watched: readonly Watched[]
}

export type Report = (finding: NewFinding) => void
