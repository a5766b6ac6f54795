// What can be said about one finding: from the live log now, and from another place that may still have what was lost.

import type { Difference, Group } from "./difference.js"
import type { RecordedFinding } from "./list.js"
import type { EventPlace } from "./rows.js"

/** A row that a finding is about: where it stands, and which transaction wrote it. */
export interface RowTrace {
  readonly place: string
  /** The partition, qualified, or the table. */
  readonly partition: string
  readonly ctid: string
  readonly xmin: string
  /** Where the server keeps commit times (track_commit_timestamp). */
  readonly commit_time: string | null
  /** Whether a later transaction wrote it than the row after it. Null: nothing to compare with. */
  readonly written_later: boolean | null
}

/** A hash that the log holds for a place, beside that of the event itself. */
export interface Vouched {
  /** Lowercase hex. */
  readonly hash: string
  readonly by: string
}

/** Events that are gone. */
export interface Gap {
  readonly organization_id: string
  /** Null: the lanes of the organization are not known any more. */
  readonly lane: string | null
  readonly first: string
  /** Null: not known. */
  readonly last: string | null
  /** Hashes that the first may be chained to; hex. */
  readonly previous: readonly string[]
  /** Hash that the last must have; hex. */
  readonly hash: string | null
}

export interface OtherEvent {
  readonly state: "original" | "altered" | "redacted" | "another" | "unreadable" | "absent"
}

export interface OtherGap {
  readonly state: "original" | "whole" | "part" | "doubtful" | "absent"
  /** Events of the gap, where that is known. */
  readonly wanted: string | null
  readonly there: string
  /** Of those, how many hash to what is stored with them. */
  readonly fitting: string
  /** First and last that are there. */
  readonly first: string | null
  readonly last: string | null
  /** Whether each follows the one before. */
  readonly linked: boolean | null
  /** Whether they follow the live event before, and the live log goes on from them. Null: not known. */
  readonly joins_before: boolean | null
  readonly joins_after: boolean | null
}

export interface Explanation {
  /** Whether it is still so; null where that could not be looked at. */
  readonly still: boolean | null
  /** What the log says of it now, in short lines without values of events. */
  readonly says: readonly string[]
  readonly groups: readonly Group[]
  /** From the original to the present, where the original was found. */
  readonly differences: readonly Difference[]
  /** How the original was found. */
  readonly found_by: "trial" | "against" | null
  readonly vouched: Vouched | null
  readonly recorded_at: string | null
  readonly occurred_at: string | null
  /** Of events that are gone: when the event before them was recorded. */
  readonly recorded_after: string | null
  /** Whether the event, or the original of it that was found, follows the event before it; null where that is not known. */
  readonly follows: boolean | null
  readonly rows: readonly RowTrace[]
  readonly gaps: readonly Gap[]
  /** Of --against; null where it was not asked, or has nothing to do with this finding. */
  readonly against: OtherEvent | readonly OtherGap[] | null
}

/** What the search in another place starts from. */
export interface Wish {
  readonly place: EventPlace
  /** Hash of the original; hex. */
  readonly target: string
}

export interface Explained extends RecordedFinding {
  readonly explanation: Explanation
  readonly wish: Wish | null
}

export const nothing: Explanation = {
  still: null,
  says: [],
  groups: [],
  differences: [],
  found_by: null,
  vouched: null,
  recorded_at: null,
  occurred_at: null,
  recorded_after: null,
  follows: null,
  rows: [],
  gaps: [],
  against: null,
}
