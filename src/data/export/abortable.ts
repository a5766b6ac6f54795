// Work on a connection that can be stopped at any time: a statement that waits for a lock, too.
import type { Client } from "pg"
import { destroy } from "../connection.js"
import { toTrailError } from "../server-errors.js"

export async function abortable<T>(
  client: Client,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const cut = () => destroy(client)
  signal?.addEventListener("abort", cut)
  try {
    signal?.throwIfAborted()
    return await work()
  } catch (error) {
    // What the cut connection says is not what happened.
    signal?.throwIfAborted()
    throw toTrailError(error)
  } finally {
    signal?.removeEventListener("abort", cut)
  }
}
