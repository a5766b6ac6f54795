// A writer that gathers events and appends them in batches: few round trips, bounded memory, nothing lost on close().
import { randomUUID } from "node:crypto"
import type { ConnectionTarget } from "../connection.js"
import { TrailError } from "../errors.js"
import { appendBatch, findRefused, isRefusal, refused } from "./append.js"
import { encodeEvent } from "./encode.js"
import type { EventInput } from "./event.js"
import { createLink } from "./link.js"
import { passingOrAway, retry } from "./retry.js"
import { spool, spoolLines } from "./spool.js"

export interface WriterOptions {
  /** A batch is sent when it has so many events. Default 500. */
  readonly maxEvents?: number
  /** Or when its first event has waited so long, in milliseconds. Default 200. */
  readonly maxDelayMs?: number
  /** append() waits while so many events are not yet in the log. Default 10,000. */
  readonly maxPending?: number
  /** Milliseconds for which a batch is tried again. Default 30,000. */
  readonly retryForMs?: number
  /**
   * What happens to a batch that cannot be appended. `fail` (default): it is kept, and append(), flush() and close() throw; flush()
   * and close() try it again first. `spool`: its events go to `spoolFile`, and the writer goes on.
   */
  readonly onFailure?: "fail" | "spool"
  readonly spoolFile?: string
  /**
   * Called for each event that the server refuses; the rest of its batch is appended. Without it such an event is spooled, or its
   * error is thrown by the next flush() or close().
   */
  readonly onRefused?: (json: string, error: TrailError) => void
}

export interface Writer {
  /**
   * Resolves when the event is taken over: at once, or when there is room. It is in the log when flush() or close() has resolved.
   * Throws `bad-event` for an event that is none; all others are not touched by that.
   */
  append(event: EventInput): Promise<void>
  /** Resolves when all events taken over before are in the log, or in the spool file. */
  flush(): Promise<void>
  /** Flushes and disconnects. What could not be appended is in unwritten(). */
  close(): Promise<void>
  /** Events taken over and not yet in the log. */
  readonly pending: number
  /** Events that went to the spool file. */
  readonly spooled: number
  /** NDJSON of the pending events, for `pgtrail import file`. */
  unwritten(): string
  [Symbol.asyncDispose](): Promise<void>
}

interface Batch {
  readonly id: string
  readonly texts: readonly string[]
}

/** Characters of JSON in one statement. */
const largestBatch = 8 * 1024 * 1024

export function createWriter(target: ConnectionTarget, options: WriterOptions = {}): Writer {
  const {
    maxEvents = 500,
    maxDelayMs = 200,
    maxPending = 10_000,
    retryForMs = 30_000,
    onFailure = "fail",
  } = options
  if (onFailure === "spool" && options.spoolFile === undefined) {
    throw new TrailError("usage", "a writer with onFailure spool needs a spoolFile")
  }
  const link = createLink(target)
  const queue: string[] = []
  /** Being sent, or sent in vain: its id must stay the same. */
  let batch: Batch | undefined
  let running: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let failure: unknown
  let refusal: TrailError | undefined
  let waiting: (() => void)[] = []
  let isClosed = false
  let isDown = false
  let spooled = 0

  const pending = () => queue.length + (batch?.texts.length ?? 0)

  /** Sends until nothing is left: what came in while one batch was under way is the next. */
  async function send(): Promise<void> {
    while (batch !== undefined || queue.length > 0) {
      batch ??= { id: randomUUID(), texts: take() }
      batch = await deliver(batch)
      const room = waiting
      waiting = []
      for (const go of room) go()
    }
  }

  function take(): string[] {
    let size = 0
    let count = 0
    for (const text of queue) {
      size += text.length
      if (count > 0 && (count === maxEvents || size > largestBatch)) break
      count += 1
    }
    return queue.splice(0, count)
  }

  /** Nothing when the batch is in the log or spooled; the batch without its bad events when the server refused some. */
  async function deliver({ id, texts }: Batch): Promise<Batch | undefined> {
    try {
      // While the server is down each batch is tried once: the wait was had by the first.
      const forMs = isDown ? 0 : retryForMs
      await retry(() => appendBatch(link, texts, id), { codes: passingOrAway, forMs })
      isDown = false
      return undefined
    } catch (error) {
      const bad = isRefusal(error)
        ? new Map(await findRefused(link, texts).catch(() => []))
        : new Map<number, string>()
      if (bad.size === 0) {
        if (options.spoolFile === undefined || onFailure === "fail") throw error
        isDown = true
        await toSpool(texts, id, options.spoolFile)
        return undefined
      }
      for (const [at, reason] of bad) await refuse(texts[at] ?? "", reason)
      const rest = texts.filter((_, at) => !bad.has(at))
      return rest.length === 0 ? undefined : { id: randomUUID(), texts: rest }
    }
  }

  async function toSpool(texts: readonly string[], id: string, file: string): Promise<void> {
    await spool(file, spoolLines(texts, id))
    spooled += texts.length
  }

  async function refuse(text: string, reason: string): Promise<void> {
    const error = refused([[0, reason]], 1)
    if (options.onRefused !== undefined) options.onRefused(text, error)
    else if (onFailure === "spool" && options.spoolFile !== undefined)
      await toSpool([text], randomUUID(), options.spoolFile)
    else refusal ??= error
  }

  function start(): void {
    clearTimeout(timer)
    timer = undefined
    running ??= send()
      .then(
        () => {
          failure = undefined
        },
        (error: unknown) => {
          failure = error
          for (const go of waiting) go()
          waiting = []
        },
      )
      .finally(() => {
        running = undefined
        arm()
      })
  }

  /** The oldest event that is left waits no longer than maxDelayMs. */
  function arm(): void {
    if (failure === undefined && queue.length > 0 && timer === undefined)
      timer = setTimeout(start, maxDelayMs)
  }

  async function append(event: EventInput): Promise<void> {
    const encoded = encodeEvent(event, { stamp: true })
    if ("problem" in encoded) throw refused([[0, encoded.problem]], 1)
    for (;;) {
      if (isClosed) throw new TrailError("closed", "the writer was closed")
      if (failure !== undefined) throw failure
      if (pending() < maxPending) break
      start()
      await new Promise<void>((go) => waiting.push(go))
    }
    queue.push(encoded.json)
    if (queue.length >= maxEvents) start()
    else if (running === undefined) arm()
  }

  async function flush(): Promise<void> {
    await running
    while (pending() > 0) {
      start()
      await running
      if (failure !== undefined) throw failure
    }
    const first = refusal
    refusal = undefined
    if (first !== undefined) throw first
  }

  async function close(): Promise<void> {
    isClosed = true
    try {
      await flush()
    } finally {
      clearTimeout(timer)
      await link.close()
    }
  }

  return {
    append,
    flush,
    close,
    get pending() {
      return pending()
    },
    get spooled() {
      return spooled
    },
    unwritten: () =>
      (batch === undefined ? "" : spoolLines(batch.texts, batch.id)) +
      queue.map((text) => `${text}\n`).join(""),
    [Symbol.asyncDispose]: close,
  }
}
