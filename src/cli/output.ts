// Writes the answer to stdout with back-pressure; a reader that went away ends the run quietly.
import type { Writable } from "node:stream"
import { TrailError } from "../data/errors.js"

/** The reader of stdout is gone (`| head`): nothing is wrong, there is just nothing more to do. */
export class ReaderGone extends Error {}

export interface Output {
  /** Gives a promise only when the caller must wait. */
  put(text: string): Promise<void> | undefined
  /** Resolves when everything has reached the stream. */
  flush(): Promise<void>
}

/** Characters: fewer, larger writes are several times faster than one for each row. */
const chunk = 32_768

export function createOutput(stdout: Writable, before: () => void = () => {}): Output {
  let buffered = ""
  let scheduled = false
  let failure: Error | undefined
  const waiting = new Set<(error: Error) => void>()
  stdout.on("error", (error) => {
    failure ??= explain(error)
  })
  // A write that is under way when the stream is destroyed is never called back.
  stdout.on("close", () => {
    failure ??= new ReaderGone()
    for (const reject of waiting) reject(failure)
    waiting.clear()
  })

  function write(): Promise<void> {
    const text = buffered
    buffered = ""
    before()
    if (failure === undefined && stdout.destroyed) failure = new ReaderGone()
    if (failure !== undefined) return Promise.reject(failure)
    return new Promise((resolve, reject) => {
      waiting.add(reject)
      stdout.write(text, (error) => {
        waiting.delete(reject)
        if (error === null || error === undefined) return resolve()
        failure ??= explain(error)
        reject(failure)
      })
    })
  }

  /** A slow source (rows that arrive one by one) must not keep what it has in the buffer. */
  function soon(): void {
    if (scheduled) return
    scheduled = true
    setImmediate(() => {
      scheduled = false
      // The next put or flush reports the failure.
      if (buffered !== "") write().catch(() => {})
    })
  }

  return {
    put(text) {
      if (failure !== undefined) return Promise.reject(failure)
      buffered += text
      if (buffered.length >= chunk) return write()
      soon()
      return undefined
    },
    async flush() {
      await write()
    },
  }
}

function explain(error: Error): Error {
  const code = "code" in error ? error.code : undefined
  if (code === "EPIPE" || code === "ERR_STREAM_DESTROYED" || code === "ERR_STREAM_WRITE_AFTER_END") {
    return new ReaderGone()
  }
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new TrailError("disk-full", "cannot write the answer: no space left", { cause: error })
  }
  return new TrailError("file", `cannot write the answer: ${error.message}`, { cause: error })
}
