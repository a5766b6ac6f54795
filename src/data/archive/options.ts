// What a run of archiving is told, and what it answers.
import type { PurgeMethod } from "../retention/run-options.js"
import type { StoreContext } from "../store/store.js"

export interface ArchiveOptions {
  /** Where: as readLocation gives it. */
  readonly to: string
  /** What a store needs besides, such as the credentials of S3. */
  readonly store?: StoreContext | undefined
  /** What policies say that leaves the table, and what failed before. */
  readonly due?: boolean | undefined
  /** All of one partition. */
  readonly partition?: string | undefined
  /** What occurred then or later. */
  readonly since?: string | undefined
  /** What occurred before that. */
  readonly until?: string | undefined
  /** Only events of this organization. */
  readonly organization?: string | undefined
  /** Public keys (age1...) that the files are encrypted to. */
  readonly recipients?: readonly string[] | undefined
  /** Of gzip, 1 to 9. Default 6. */
  readonly level?: number | undefined
  readonly reason?: string | undefined
  /** Who asked for it: a name, or the number of a request. */
  readonly requestedBy?: string | undefined
  /** A private signing key, as text; signs the acts. */
  readonly key?: string | undefined
  /** Milliseconds to wait for a moment in which nobody reads or writes a partition. Default 30,000. */
  readonly patienceMs?: number | undefined
  /** Stops after so many partitions from which something went, after so many seconds. */
  readonly maxPartitions?: number | undefined
  readonly maxSeconds?: number | undefined
  /** Tells why, where nothing was archived; that may take a while. */
  readonly explain?: boolean | undefined
  /** Reads the same, and changes nothing. */
  readonly dryRun?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  /** Called now and then with what is being done. */
  readonly progress?: ((doing: string) => void) | undefined
}

/** What became of one partition. */
export interface ArchivedPartition {
  readonly partition: string
  /** Name of the archive, and where it stands; null where nothing went. */
  readonly archive: string | null
  readonly location: string
  /** How its events left the table; "none" where all stay. */
  readonly method: PurgeMethod
  /** seq of the act; null in a dry run, and where nothing went. */
  readonly act: string | null
  readonly events: string
  /** Size of its files; null in a dry run. */
  readonly bytes: string | null
  readonly bytes_freed: string
  /** Events that were to go and stay: under a hold, not as they were appended, not yet in the log for the grace (until then). */
  readonly held: string
  readonly unsound: string
  readonly fresh: string
  readonly fresh_until: string | null
  /** By which its events went, where policies said so. */
  readonly policies: readonly ArchivePolicy[]
}

/** What went by one policy. */
export interface ArchivePolicy {
  readonly policy: string
  readonly archive_after_days: string
  /** What occurred before this went. */
  readonly cutoff: string
  readonly events: string
}

export interface ArchiveFailed {
  readonly partition: string
  readonly location: string
  readonly message: string
}

export interface ArchiveRun {
  readonly dry_run: boolean
  readonly location: string
  readonly started_at: string
  readonly ended_at: string
  /** `limit`: it stopped at its own. */
  readonly outcome: "done" | "limit"
  readonly archives: string
  readonly events: string
  readonly bytes: string
  readonly bytes_freed: string
  readonly held: string
  /** The cases of the holds that are in force, where anything is held. */
  readonly cases: readonly string[]
  readonly unsound: string
  readonly fresh: string
  readonly fresh_until: string | null
  /** Partitions that it did not come to. */
  readonly partitions_left: string
  readonly acts: readonly string[]
  /** Those of which something went, or was to go. */
  readonly partitions: readonly ArchivedPartition[]
  /** Those that could not be archived, and why: noted, and tried again by the next run. */
  readonly failed: readonly ArchiveFailed[]
  /** Null where something was to be archived, where nobody asked (`explain`), and where it cannot be told. */
  readonly nothing_because: string | null
}

/** An archive as its row has it. */
export interface ArchiveRow {
  /** seq of the act that archived it. */
  readonly act: string
  readonly name: string
  readonly location: string
  readonly partition: string
  readonly since: string
  readonly until: string
  readonly events: string
  readonly bytes: string
  /** sha256 of its manifest, hex. */
  readonly manifest: string
  readonly oldest: string
  readonly newest: string
  readonly state: "archived" | "restored" | "removed"
  readonly restored_act: string | null
  readonly removed_act: string | null
}
