// A walk over the segments of a filter, on a connection that nobody else has meanwhile and that an abort cuts.
import type { Client } from "pg"
import { type ConnectionTarget, destroy, giveBack, take } from "../connection.js"
import type { EventFilter } from "./criteria.js"
import { type Prepared, prepareWalk, toFilterError } from "./prepare.js"
import type { WalkOptions } from "./segments.js"

export interface Question extends EventFilter {
  /** Stops the walk and cuts its connection. */
  readonly signal?: AbortSignal | undefined
  /** Told before each statement: how many segments are behind, and how many there are. */
  readonly progress?: ((done: number, all: number) => void) | undefined
}

export interface OpenWalk extends Prepared {
  readonly client: Client
  /** What is to be thrown for what was caught: what a cut connection says is not what happened. */
  explained(error: unknown): unknown
  close(): Promise<void>
}

export async function openWalk(
  target: ConnectionTarget,
  question: Question,
  options: WalkOptions = {},
): Promise<OpenWalk> {
  const { signal } = question
  signal?.throwIfAborted()
  const client = await take(target)
  let isSound = true
  const cut = () => destroy(client)
  const explained = (error: unknown): unknown => {
    isSound = false
    return signal?.aborted === true ? signal.reason : toFilterError(error, question)
  }
  const close = async (): Promise<void> => {
    signal?.removeEventListener("abort", cut)
    if (isSound && signal?.aborted !== true) await giveBack(target, client)
    else await client.end().catch(() => undefined)
  }
  signal?.addEventListener("abort", cut)
  try {
    signal?.throwIfAborted()
    return { client, ...(await prepareWalk(client, question, options)), explained, close }
  } catch (error) {
    const reason = explained(error)
    await close()
    throw reason
  }
}

/** One answer from one walk. */
export async function withWalk<T>(
  target: ConnectionTarget,
  question: Question,
  options: WalkOptions,
  work: (walk: OpenWalk) => Promise<T>,
): Promise<T> {
  const walk = await openWalk(target, question, options)
  try {
    return await work(walk)
  } catch (error) {
    throw walk.explained(error)
  } finally {
    await walk.close()
  }
}
