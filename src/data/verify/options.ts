// What a verification is asked for, and what of that contradicts itself.
import { TrailError } from "../errors.js"
import type { Place } from "../query/typed.js"
import type { StoreContext } from "../store/store.js"

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
  /** Places where archives lie, as acts have them (file:///PATH, s3://BUCKET/PREFIX, table:), or `recorded`: where the act of each put it. */
  readonly archives?: readonly string[]
  /** What these places need beside their names. */
  readonly stores?: Pick<StoreContext, "s3" | "signal">
  /** Private keys of age, for archives that are encrypted. */
  readonly identities?: readonly string[]
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
  if ((options.archives ?? []).length > 0 && (ranged || inOrder)) {
    throw new TrailError(
      "usage",
      "an archive is read whole: neither a time nor pieces of it can be verified",
      {
        hint: "leave out --archive, or --since, --until, --from and --max-seconds",
      },
    )
  }
  for (const place of options.archives ?? []) {
    if (place === "recorded" || /^(file:\/\/\/|s3:\/\/|table:$)/.test(place)) continue
    throw new TrailError(
      "usage",
      "a place of archives is file:///PATH, s3://BUCKET/PREFIX, table: or recorded",
    )
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
