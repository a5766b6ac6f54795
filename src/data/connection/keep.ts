// The connection that a Trail keeps between two of its calls: to make one, and to warm its caches, costs more than most of what is asked.
import type { Client } from "pg"
import type { ConnectionTarget } from "./target.js"

/** Long enough for a caller who asks one thing after another, short enough that nobody wonders about a session that does nothing. */
const idleMs = 1000

/** What node-postgres has and its types do not tell. */
type Session = Client & { readonly readyForQuery: boolean; ref(): void; unref(): void }

interface Keeper {
  idle: Session | undefined
  timer: NodeJS.Timeout | undefined
}

/** Those whose end is heard of; each is given back many times. */
const watched = new WeakSet<Client>()
const keepers = new WeakMap<ConnectionTarget, Keeper>()

/** From now on until `endKept` one connection of this very target is kept while nobody uses it. */
export function keepOne(target: ConnectionTarget): void {
  keepers.set(target, { idle: undefined, timer: undefined })
}

export async function endKept(target: ConnectionTarget): Promise<void> {
  const keeper = keepers.get(target)
  keepers.delete(target)
  clearTimeout(keeper?.timer)
  // Else a process that has nothing else to do would be gone before.
  keeper?.idle?.ref()
  await keeper?.idle?.end().catch(() => undefined)
}

/** The kept one, if there is any; what its session was told before is forgotten, and nothing is set yet. */
export function takeKept(target: ConnectionTarget): Client | undefined {
  const keeper = keepers.get(target)
  const client = keeper?.idle
  if (keeper === undefined || client === undefined) return undefined
  keeper.idle = undefined
  clearTimeout(keeper.timer)
  client.ref()
  return client
}

/**
 * Everything that a session can hold is let go here, and not when it is used again: others wait for its locks. The search path goes
 * last, so that the names before it mean what they say.
 */
const forget =
  "select pg_catalog.pg_advisory_unlock_all(); close all; unlisten *; discard sequences; discard temp; set session authorization default; reset role; reset all"

/** Keeps it, or ends it: where one is kept already, a transaction is open, or somebody has not read his answer to the end. */
export async function keepOrEnd(target: ConnectionTarget, client: Client): Promise<void> {
  if (await isKept(target, client)) return
  await client.end().catch(() => undefined)
}

async function isKept(target: ConnectionTarget, client: Client): Promise<boolean> {
  const keeper = keepers.get(target)
  const session = client as Session
  if (keeper === undefined || keeper.idle !== undefined) return false
  if (session.readyForQuery !== true || client.getTransactionStatus() !== "I") return false
  try {
    await client.query(forget)
  } catch {
    return false
  }
  // Somebody else's may have come first, or the Trail was closed, while it was asked.
  if (keeper.idle !== undefined || keepers.get(target) !== keeper) return false
  keeper.idle = session
  session.unref()
  if (!watched.has(client)) {
    watched.add(client)
    client.once("end", () => {
      if (keeper.idle === client) keeper.idle = undefined
    })
  }
  keeper.timer = setTimeout(() => {
    if (keeper.idle !== client) return
    keeper.idle = undefined
    void client.end().catch(() => undefined)
  }, idleMs)
  keeper.timer.unref()
  return true
}
