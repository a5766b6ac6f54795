// What a comparison of a backup with the log is told, and what it answers.
import type { EventColumn } from "../event-columns.js"
import type { StoreContext } from "../store/store.js"
import type { Group } from "../verification/difference.js"

export interface CompareOptions {
  /** What a store needs besides, such as the credentials of S3. */
  readonly store?: StoreContext | undefined
  /** Private keys of age. */
  readonly identities?: readonly string[] | undefined
  /** How many files and partitions are read at once. Default 2. */
  readonly jobs?: number | undefined
  /** How long nothing may come before the server is asked whether it still works. Default 30 seconds. */
  readonly silenceMs?: number | undefined
  readonly signal?: AbortSignal | undefined
  readonly progress?: ((doing: string) => void) | undefined
}

/** Counts are digits. */
export interface BackupComparison {
  readonly name: string
  readonly location: string
  readonly log_id: string
  /** When the backup was made, and when the log was looked at. */
  readonly started_at: string
  readonly compared_at: string
  readonly database: string
  readonly partition: string | null
  readonly organization: string | null
  /** explained: where they are not equal, acts or later events say why. */
  readonly verdict: "equal" | "explained" | "differs"
  readonly events: {
    readonly backup: string
    readonly log: string
    readonly appended: string
    readonly purged: string
    readonly restored: string
    readonly redacted: string
    readonly differ: string
  }
  readonly lanes: { readonly equal: string; readonly explained: string; readonly differ: string }
  /** Of events that went, or came back, since, by which act. */
  readonly acts: readonly ActSince[]
  /** Of each lane that differs the first, at most a thousand. */
  readonly differences: readonly EventDifference[]
  /** Those that are not equal. */
  readonly tables: readonly TableComparison[]
  readonly warnings: readonly string[]
}

export interface ActSince {
  readonly act: string
  /** Archived events are counted with the purged ones. */
  readonly did: "purged" | "archived" | "restored"
  readonly events: string
}

export interface EventDifference {
  readonly organization_id: string
  readonly lane: string
  readonly seq: string
  /** `altered`: both have it, not alike. */
  readonly state: "altered" | "not in the log" | "not in the backup" | "purged, and in the log" | "twice"
  /** Columns that differ; values only of those that are of no person and no content. */
  readonly fields: readonly {
    readonly column: EventColumn
    readonly group: Group
    readonly backup?: string | null
    readonly log?: string | null
  }[]
  /** Whose bytes come to the hash that stands beside them. */
  readonly right: "backup" | "log" | "both" | "neither"
  /** Where the backup has it. */
  readonly file: string | null
  readonly line: string | null
  /** Where the log has it. */
  readonly relation: string | null
  /** How many events of the lane differ, with this one. */
  readonly events: string
}

export interface TableComparison {
  readonly name: string
  /** `state`: changes without an act, and is no evidence. */
  readonly result: "explained" | "state" | "differs"
  readonly added: string
  readonly removed: string
  readonly changed: string
  /** Newest act since that changed it; null where nothing tells which of several it was. */
  readonly act: { readonly seq: string; readonly kind: string } | null
  /** The first row that nothing explains: its key, what is the matter, and the columns that differ. */
  readonly first: {
    readonly key: string
    readonly state: "altered" | "not in the log" | "not in the backup"
    readonly columns: readonly string[]
    readonly line: string | null
  } | null
}
