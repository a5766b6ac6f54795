// What ends a statement or a session from the server's side, told by fields that no lc_messages translates.
import type { ClientBase } from "pg"
import { TrailError } from "./errors.js"

interface ServerError {
  readonly code?: string | undefined
  /** The C function that raised it. */
  readonly routine?: string | undefined
}

/**
 * Interrupts raise 40001 and 40P01 only for a standby whose replay came first; a failed serialization and an ordinary deadlock
 * come from other functions. The first name is that of PostgreSQL 16 and later, the second of 14 and 15.
 */
const replay = /^(ProcessRecoveryConflictInterrupt|ProcessInterrupts|CheckRecoveryConflictDeadlock)$/
const snapshot = /^(ImportSnapshot|SetTransactionSnapshot)$/

const settings = "max_standby_streaming_delay higher there (or hot_standby_feedback = on)"

/** A reading that was ended for another session's sake; undefined for every other error. */
export function interruption(error: ServerError): TrailError | undefined {
  const { code: sqlstate = "", routine = "" } = error
  if (["40001", "40P01"].includes(sqlstate) && replay.test(routine)) {
    const message = "the standby ended the reading: it kept the primary's changes waiting"
    const hint = `nothing was changed; run it again, or on the primary, or set ${settings}`
    return new TrailError("cancelled", message, { hint, sqlstate, cause: error })
  }
  if (snapshot.test(routine)) {
    const hint = `nothing was changed; run it again; on a standby, set ${settings}`
    return new TrailError("connection-lost", "the session that held the snapshot has ended", {
      hint,
      cause: error,
    })
  }
  return undefined
}

const losses = new WeakMap<ClientBase, Error>()

/** An idle session hears why it ended in an event, once; its next statement fails with words that say nothing. */
export function rememberLoss(client: ClientBase, error: Error): void {
  const isServers = "routine" in error
  if (isServers && !losses.has(client)) losses.set(client, error)
}

/** Why `client` was lost, where the server said so. */
export function lossOf(client: ClientBase): Error | undefined {
  return losses.get(client)
}
