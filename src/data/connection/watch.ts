// Notices that a connection is lost while a statement runs on it, which nobody may say: over another one the server is asked.
import type { Client } from "pg"
import { destroy, fixedTarget, withClient } from "../connection.js"
import { streamOf } from "./login.js"
import type { ConnectionTarget } from "./target.js"

/** What node-postgres has and its types do not tell. */
type Session = Client & { readonly readyForQuery: boolean | null; readonly processID: number | null }

/**
 * Cuts the connection where the server does not work for it any more, or cannot be reached; then the statement fails. `isBusy`: that this side
 * has nothing to say yet, because it waits for something else.
 */
export async function whileWatched<T>(
  client: Client,
  target: ConnectionTarget,
  silenceMs: number,
  work: () => Promise<T>,
  isBusy: () => boolean = () => false,
): Promise<T> {
  const session = client as Session
  const stream = streamOf(client) as unknown as {
    readonly bytesRead: number
    readonly bytesWritten: number
    isPaused(): boolean
  }
  let seen = ""
  let isAsking = false
  let isSuspect = false
  const look = async (): Promise<void> => {
    const passed = (): string => `${stream.bytesRead} ${stream.bytesWritten}`
    const now = passed()
    // Where it is paused, the server waits for this side.
    const isWaiting = (): boolean =>
      session.readyForQuery !== true && !stream.isPaused() && !isBusy() && passed() === now
    if (isAsking) return
    if (seen !== now || !isWaiting()) {
      seen = now
      isSuspect = false
      return
    }
    isAsking = true
    const works = await worksFor(session.processID, target, silenceMs).catch(() => false)
    isAsking = false
    // On a busy machine a server may not have come to what lies in its socket yet: it is asked twice.
    if (!works && isWaiting() && isSuspect) destroy(client)
    isSuspect = !works
  }
  const timer = setInterval(() => void look(), silenceMs)
  try {
    return await work()
  } finally {
    clearInterval(timer)
  }
}

async function worksFor(pid: number | null, target: ConnectionTarget, patience: number): Promise<boolean> {
  const asked = withClient({ ...fixedTarget(target), silenceMs: undefined }, (other) =>
    other.query<{ works: string }>(
      // One that waits for this side within a statement has not got what was sent to it: COPY ... FROM STDIN.
      "select a.state = 'active' and coalesce(a.wait_event, '') not in ('ClientWrite', 'ClientRead') as works from pg_stat_activity a where a.pid = $1",
      [pid],
    ),
  )
  asked.catch(() => undefined)
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((done) => {
    timer = setTimeout(() => done(undefined), Math.max(patience, 1_500))
  })
  const answer = await Promise.race([asked, late])
  clearTimeout(timer)
  return answer?.rows[0]?.works === "t"
}
