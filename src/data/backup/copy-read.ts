// Reads what COPY sends to its end, and notices where nothing comes any more: a connection can be lost without anybody saying so.
import type { Client } from "pg"
import { destroy } from "../connection.js"
import { TrailError } from "../errors.js"
import type { CopyOut } from "./copy-out.js"

export interface CopyOptions {
  readonly signal?: AbortSignal | undefined
  /** Asked where nothing has come for a while: whether the server still sends. */
  readonly watch?: { readonly afterMs: number; readonly isAlive: () => Promise<boolean> } | undefined
}

/** The rows of `copy`, which is a statement COPY ... TO STDOUT. Whoever stops reading before the end loses the connection. */
export async function* copyOut(
  client: Client,
  copy: CopyOut,
  { signal, watch }: CopyOptions = {},
): AsyncGenerator<Buffer> {
  let isWhole = false
  const stop = (): void => copy.fail(signal?.reason)
  const timer = watch === undefined ? undefined : watching(copy, watch)
  try {
    signal?.throwIfAborted()
    signal?.addEventListener("abort", stop, { once: true })
    client.query(copy)
    yield* copy.chunks()
    isWhole = true
  } finally {
    clearInterval(timer)
    signal?.removeEventListener("abort", stop)
    // That is how COPY is left; of one that the server ended nothing is to be left.
    if (!isWhole) destroy(client)
  }
}

function watching(copy: CopyOut, { afterMs, isAlive }: NonNullable<CopyOptions["watch"]>): NodeJS.Timeout {
  let seen = -1
  let isAsking = false
  const look = async (): Promise<void> => {
    if (isAsking) return
    const { received } = copy
    if (received === seen && copy.isWaiting) {
      isAsking = true
      const answer = await isAlive().catch(() => false)
      isAsking = false
      if (!answer && copy.received === received && copy.isWaiting) copy.fail(silent())
    }
    seen = received
  }
  return setInterval(() => void look(), afterMs)
}

const silent = (): TrailError =>
  new TrailError(
    "connection-lost",
    "the connection to the database was lost: nothing comes over it any more",
    {
      hint: "nothing was half written; run it again",
    },
  )
