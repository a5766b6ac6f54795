// --jitter: a random wait before a job, so that a hundred logs do not ask one server at the same minute.
import { randomInt } from "node:crypto"
import { readDuration } from "../../data/duration.js"
import type { Option } from "../options.js"

/** As --jitter says it; 0 where it is 0s. */
export const jitterOf = (typed: string): number =>
  /^0(ms|s|m|h|d)$/.test(typed) ? 0 : readDuration(typed, "--jitter")

export function jitterOption(summary: string): Option<string> {
  const parse = (typed: string): string => {
    jitterOf(typed)
    return typed
  }
  return { kind: "duration", flags: "--jitter <duration>", summary, fallback: "0s", takes: "value", parse }
}

export const randomJitter = (typed: string): number => randomInt(0, jitterOf(typed) + 1)

/** Comes back early when the signal is aborted, and leaves nothing behind on it. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((go) => {
    if (signal.aborted || ms <= 0) return go()
    const over = (): void => {
      clearTimeout(clock)
      signal.removeEventListener("abort", over)
      go()
    }
    const clock = setTimeout(over, ms)
    signal.addEventListener("abort", over, { once: true })
  })
}
