// What a run of retention is told, and what it answers.

export interface RetentionRunOptions {
  /** Only events of this organization. */
  readonly organization?: string | undefined
  /** Stops after so many events, after so many seconds, after so many partitions from which something went. */
  readonly maxRows?: number | undefined
  readonly maxSeconds?: number | undefined
  readonly maxPartitions?: number | undefined
  /** Purges nothing unless a backup is recorded that is younger, in milliseconds. */
  readonly requireBackupMs?: number | undefined
  /** Milliseconds to wait for a moment in which nobody reads or writes a partition. Default 30,000. */
  readonly patienceMs?: number | undefined
  /** Who asked for it: a name, or the number of a request. */
  readonly requestedBy?: string | undefined
  /** A private signing key, as text; signs the acts. */
  readonly key?: string | undefined
  /** Purges what does not verify as well; the acts name the findings. */
  readonly despiteFindings?: boolean | undefined
  /** Reads the same, and changes nothing. */
  readonly dryRun?: boolean | undefined
  /** Events that one act deletes at most, where a partition is neither dropped nor built anew. Default 100,000. */
  readonly batchSize?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Called now and then with what is being done. */
  readonly progress?: ((doing: string) => void) | undefined
}

export type PurgeMethod = "none" | "drop" | "rewrite" | "delete"

/** What became of one partition. */
export interface PurgedPartition {
  readonly name: string
  /** How its events went; "none" where all that was to go stays. */
  readonly method: PurgeMethod
  readonly events: string
  /** Events whose time is over, and that stay: under a hold, not as they were appended, left for another run. */
  readonly held: string
  readonly unsound: string
  readonly remaining: string
  /** Events whose time is over, and that stay until they have been in the log for the grace: the last of them until then. */
  readonly fresh: string
  readonly fresh_until: string | null
  /** In a dry run an estimate, rather too much than too little. */
  readonly bytes_freed: string
  /** seq of the acts. */
  readonly acts: readonly string[]
  /** By which its events went, or would go. */
  readonly policies: readonly PolicyCutoff[]
  /** Events that went, or would go, though they were due for an archive: their keep is over, and none was made, or it failed. */
  readonly unarchived: string
}

/** What went by one policy. */
export interface PolicyCutoff {
  readonly policy: string
  readonly floor: string | null
  readonly keep_days: string
  /** What occurred before this went. */
  readonly cutoff: string
  readonly events: string
}

export interface RetentionRun {
  /** Null in a dry run. */
  readonly run: string | null
  readonly dry_run: boolean
  readonly started_at: string
  readonly ended_at: string
  /** `limit`: it stopped at its own. */
  readonly outcome: "done" | "limit"
  readonly organization: string | null
  readonly events: string
  /** How many partitions; `deleted` counts events, whose bytes stay in the files of the tables. */
  readonly dropped: string
  readonly rewritten: string
  readonly deleted: string
  readonly bytes_freed: string
  readonly held: string
  /** The cases of the holds that are in force, where anything is held. */
  readonly cases: readonly string[]
  readonly unsound: string
  /** Events that the grace keeps back, the last of them until then. */
  readonly fresh: string
  readonly fresh_until: string | null
  /** Events whose time is over and that it left; null where it did not look at all partitions. */
  readonly remaining: string | null
  /** Partitions that it did not look at, or could not purge. */
  readonly partitions_left: string
  readonly acts: readonly string[]
  readonly policies: readonly PolicyCutoff[]
  /** Events that went, or would go, without the archive that they were due for. */
  readonly unarchived: string
  /** Those of which something went, or was to go. */
  readonly partitions: readonly PurgedPartition[]
  /** Those that it could not purge, and why. */
  readonly failed: readonly { readonly name: string; readonly message: string }[]
}
