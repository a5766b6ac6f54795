// How fast a verification may read, and until when.
import { setTimeout as sleep } from "node:timers/promises"

/** Holds a reader back to so many events a second. */
export class Pace {
  readonly rate: number | undefined
  readonly #start = performance.now()
  #events = 0

  /** `rate`: events a second; undefined is as fast as it goes. */
  constructor(rate: number | undefined) {
    this.rate = rate
  }

  /** Resolves when so many more events may have been read. */
  async wait(events: number, signal?: AbortSignal): Promise<void> {
    if (this.rate === undefined) return
    this.#events += events
    const due = this.#start + (this.#events / this.rate) * 1000 - performance.now()
    if (due > 1) await sleep(due, undefined, { signal })
  }
}

/** Tells whether the time that a verification was given is over. */
export function deadline(seconds: number | undefined): () => boolean {
  const end = seconds === undefined ? undefined : performance.now() + seconds * 1000
  return () => end !== undefined && performance.now() >= end
}
