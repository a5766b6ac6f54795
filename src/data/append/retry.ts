// Repeats what failed for a passing reason, waiting longer each time, with jitter so that many writers do not come back at once.
import { setTimeout as sleep } from "node:timers/promises"
import { type ErrorCode, TrailError } from "../errors.js"

/** Serialization failure, deadlock, lost connection. */
export const passing: ReadonlySet<ErrorCode> = new Set(["retry", "connection-lost"])
/** For whoever was connected before, or can wait until the server is there. */
export const passingOrAway: ReadonlySet<ErrorCode> = new Set([...passing, "unreachable"])

const firstWaitMs = 25
const longestWaitMs = 5000

export interface RetryOptions {
  readonly codes: ReadonlySet<ErrorCode>
  /** No new attempt begins after this many milliseconds; 0 tries once. */
  readonly forMs: number
  readonly signal?: AbortSignal | undefined
}

export async function retry<T>(work: () => Promise<T>, options: RetryOptions): Promise<T> {
  const end = Date.now() + options.forMs
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await work()
    } catch (error) {
      // After the first attempt a server that is away is one that restarts.
      const codes = attempt === 0 ? options.codes : passingOrAway
      const wait = Math.random() * Math.min(longestWaitMs, firstWaitMs * 2 ** attempt)
      if (!(error instanceof TrailError) || !codes.has(error.code) || Date.now() + wait > end) throw error
      await sleep(wait, undefined, { signal: options.signal })
    }
  }
}
