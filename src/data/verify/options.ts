// What a verification is asked for, and what of that contradicts itself.
import { TrailError } from "../errors.js"
import type { Place } from "../query/typed.js"

export interface VerifyOptions {
  readonly organization?: string
  /** Events that occurred at or after this time; anything PostgreSQL reads as timestamptz. */
  readonly since?: string
  /** Events that occurred before this time. */
  readonly until?: string
  /** Connections that read at once. Default 2; 1 where the log is smaller than 16 MiB, and another thread costs more than it reads. */
  readonly jobs?: number
  /** Files of signed checkpoints, each with its list of heads beside it; the log must still have those heads. */
  readonly checkpoints?: readonly string[]
  /** Files of public keys that vouch for checkpoints and for signatures of acts. */
  readonly publicKeys?: readonly string[]
  /** The auditor's own file: what it knows is compared, and a verification that found nothing wrong advances it. */
  readonly state?: string
  /** Only what came since the newest checkpoint or the state, else since the last whole verification. */
  readonly incremental?: boolean
  /** Goes on where an earlier verification stopped. */
  readonly from?: Place
  /** Stops after so many seconds. Chains are then read one after another. */
  readonly maxSeconds?: number
  /** Events a second. */
  readonly maxRate?: number
  /** Findings that were accepted count as well. */
  readonly strict?: boolean
  /** Whether to record the verification as an act, where the role may. Default true. */
  readonly record?: boolean
  readonly signal?: AbortSignal
  /** Called now and then with the events read so far. */
  readonly progress?: (events: number) => void
}

export function refuseContradictions(options: VerifyOptions): void {
  const ranged = options.since !== undefined || options.until !== undefined
  const inOrder = options.from !== undefined || options.maxSeconds !== undefined
  if (ranged && (inOrder || options.incremental === true)) {
    throw new TrailError("usage", "a time range cannot be verified incrementally, nor in pieces", {
      hint: "leave out --since and --until, or --incremental, --from and --max-seconds",
    })
  }
  for (const limit of [options.maxRate, options.maxSeconds]) {
    if (limit === undefined || (limit > 0 && Number.isFinite(limit))) continue
    throw new TrailError("usage", "a rate and a time to stop after must be more than 0")
  }
  if (
    options.jobs !== undefined &&
    !(Number.isInteger(options.jobs) && options.jobs >= 1 && options.jobs <= 64)
  ) {
    throw new TrailError("usage", "a verification takes 1 to 64 jobs")
  }
  if (options.incremental === true && options.from !== undefined) {
    throw new TrailError("usage", "an incremental verification starts at its anchor, not at a place")
  }
}
