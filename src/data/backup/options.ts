// What a backup is told, and what it answers.
import type { StoreContext } from "../store/store.js"

export interface BackupOptions {
  /** Where: a folder or a bucket, as readLocation gives it. */
  readonly to: string
  /** What a store needs besides, such as the credentials of S3. */
  readonly store?: StoreContext | undefined
  /** How many files are read and written at once. Default 2. */
  readonly jobs?: number | undefined
  /** Takes over the files of partitions that have not changed since the last backup there, and what an unfinished one has. */
  readonly incremental?: boolean | undefined
  /** Only this partition, and all tables. */
  readonly partition?: string | undefined
  /** Only rows of this organization, and tables that say nothing about organizations. */
  readonly organization?: string | undefined
  /** Public keys (age1...) that the files are encrypted to. */
  readonly recipients?: readonly string[] | undefined
  /** Of gzip, 1 to 9. Default 6. */
  readonly level?: number | undefined
  /** Says what would be read and taken over; writes nothing. */
  readonly dryRun?: boolean | undefined
  /** Milliseconds without a byte after which the server is asked whether it still sends. Default 30,000. */
  readonly silenceMs?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Called now and then with what is being done. */
  readonly progress?: ((doing: string) => void) | undefined
}

/** Counts are digits; of a dry run those of bytes are estimates. */
export interface BackupRun {
  readonly dry_run: boolean
  /** Name of its folder at the location; null in a dry run. */
  readonly name: string | null
  readonly location: string
  readonly log_id: string
  readonly started_at: string
  readonly finished_at: string
  readonly partition: string | null
  readonly organization: string | null
  readonly encrypted: boolean
  readonly tables: string
  readonly partitions: string
  /** Null in a dry run: nobody has counted. */
  readonly events: string | null
  /** Of all files as they lie there. */
  readonly bytes: string
  /** How many files were taken over, and not read. */
  readonly taken_over: string
  /** What took how long. */
  readonly seconds: {
    readonly plan: number
    readonly copy: number
    readonly finish: number
    readonly total: number
  }
  /** sha256 of manifest.json, in hex; null in a dry run. */
  readonly manifest: string | null
  /** seq of the act; null where none was recorded. */
  readonly act: string | null
  /** Why there is none. */
  readonly not_recorded: string | null
  readonly warnings: readonly string[]
}
