// One connection that is kept between appends, and made anew after it was lost.
import type { Client } from "pg"
import { type ConnectionTarget, connect } from "../connection.js"
import { TrailError } from "../errors.js"
import { toTrailError } from "../server-errors.js"

export interface Link {
  /** Single statements only: several may be under way at once. */
  run<T>(use: (client: Client) => Promise<T>): Promise<T>
  /** Waits for what is under way. */
  close(): Promise<void>
}

export function createLink(target: ConnectionTarget): Link {
  let client: Promise<Client> | undefined
  let isClosed = false
  const busy = new Set<Promise<unknown>>()

  function open(): Promise<Client> {
    if (client !== undefined) return client
    const opening = connect(target).then((opened) => {
      opened.once("end", () => forget(opening))
      return opened
    })
    client = opening
    return opening
  }

  function forget(lost: Promise<Client>): void {
    if (client === lost) client = undefined
  }

  async function work<T>(use: (client: Client) => Promise<T>): Promise<T> {
    const opening = open()
    try {
      return await use(await opening)
    } catch (cause) {
      const error = toTrailError(cause)
      if (error instanceof TrailError && (error.code === "connection-lost" || error.code === "unreachable")) {
        forget(opening)
        opening.then((lost) => lost.end()).catch(() => undefined)
      } else if (
        await opening.then(
          () => false,
          () => true,
        )
      ) {
        forget(opening)
      }
      throw error
    }
  }

  return {
    run(use) {
      if (isClosed) return Promise.reject(new TrailError("closed", "the log was closed"))
      const running = work(use)
      busy.add(running)
      const done = () => busy.delete(running)
      running.then(done, done)
      return running
    },
    async close() {
      isClosed = true
      await Promise.allSettled(busy)
      const last = await client?.catch(() => undefined)
      client = undefined
      await last?.end().catch(() => undefined)
    },
  }
}
