// What a purge is told, and what it answers.
import type { VerifyReport } from "../verify/report.js"
import type { HomeSize } from "./plan.js"

export interface PurgeOptions {
  readonly reason: string
  /** Who asked for it: a name, or the number of a request. */
  readonly requestedBy?: string | undefined
  /** The organization's name once more; not needed in a dry run. */
  readonly confirm?: string | undefined
  readonly dryRun?: boolean | undefined
  /** Stops after so many events. */
  readonly maxRows?: number | undefined
  /** Events that one act purges at most, and one transaction deletes. Default 100,000. */
  readonly batchSize?: number | undefined
  /** A private signing key, as text; signs the acts. */
  readonly key?: string | undefined
  /** Purges what was tampered with as well; the acts name the findings. */
  readonly despiteFindings?: boolean | undefined
  /** Milliseconds that each act waits for another one. Default 10,000. */
  readonly lockTimeoutMs?: number | undefined
  /** Connections that the verification reads with. Default 2. */
  readonly jobs?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Called now and then with what is being done. */
  readonly progress?: ((doing: string) => void) | undefined
}

export interface PurgedOrganization {
  readonly organization: string
  readonly dry_run: boolean
  /** Findings were in the way: nothing was purged. */
  readonly refused: boolean
  /** Of the verification before; null where nothing was left to purge. */
  readonly verification: VerifyReport | null
  /** What was purged; in a dry run, and where it was refused, what would be. */
  readonly events: string
  readonly lanes: string
  readonly oldest: string | null
  readonly newest: string | null
  /** In a dry run: where the events are, and what they take up, roughly. */
  readonly partitions: readonly HomeSize[]
  /** seq of the acts that recorded it. */
  readonly acts: readonly string[]
  /** Events that are left of those that were there at the beginning. */
  readonly remaining: string
}
