// One connection that is kept between appends, and made anew after it was lost.
import type { Client } from "pg"
import { type ConnectionTarget, connect, isSuperuser } from "../connection.js"
import { TrailError } from "../errors.js"
import { toTrailError } from "../server-errors.js"
import { type Asking, asking } from "../session.js"

export interface Link {
  /** Single statements only: several may be under way at once. */
  run<T>(use: (client: Asking) => Promise<T>): Promise<T>
  /** Waits for what is under way. */
  close(): Promise<void>
}

async function guarded(client: Client): Promise<void> {
  const { refuseForeignFunctions } = await import("../verify/foreign.js")
  try {
    await refuseForeignFunctions(client)
  } catch (error) {
    await client.end().catch(() => undefined)
    throw error
  }
}

export function createLink(target: ConnectionTarget): Link {
  let client: Promise<Client> | undefined
  let isClosed = false
  const busy = new Set<Promise<unknown>>()

  function open(): Promise<Client> {
    if (client !== undefined) return client
    const opening = connect(target, { pooled: true }).then(async (opened) => {
      if (isSuperuser(opened)) await guarded(opened)
      opened.once("end", () => forget(opening))
      return opened
    })
    client = opening
    return opening
  }

  function forget(lost: Promise<Client>): void {
    if (client === lost) client = undefined
  }

  async function work<T>(use: (client: Asking) => Promise<T>): Promise<T> {
    const opening = open()
    try {
      return await use(asking(await opening))
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
