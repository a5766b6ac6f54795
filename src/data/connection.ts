// Opens connections whose session is fixed, so that a value means the same whoever connects; every value arrives as text.
import type { Client, ClientBase } from "pg"
import { keepOrEnd, takeKept } from "./connection/keep.js"
import { streamOf } from "./connection/login.js"
import { isPooled, markPooled } from "./connection/pooled.js"
import { isAway, type Reached, reach } from "./connection/reach.js"
import type { ConnectionTarget } from "./connection/target.js"
import { TrailError } from "./errors.js"
import { lossOf, rememberLoss } from "./interruption.js"
import { toTrailError } from "./server-errors.js"
import { lendSessions, mustBe, saysPooler, sessionSettings, whoSql } from "./session.js"

export type { ConnectionTarget, Server, SessionAttributes, SslMode, Tls } from "./connection/target.js"

/** What the first connection of a target found out: those that follow go to the same server. */
const chosen = new WeakMap<ConnectionTarget, ConnectionTarget>()

/**
 * A connected client. Whoever calls ends it; `withClient` does so itself. Refuses a pooler in transaction mode, unless `pooled` says
 * that nothing but single statements will be asked, by way of `asking`.
 */
export async function connect(target: ConnectionTarget, options: { pooled?: boolean } = {}): Promise<Client> {
  const { client, server, from } = await reachChosen(target)
  try {
    const pooler = await watching(target, client, () =>
      prepare(client, { ...from, servers: [server] }, options.pooled ?? false),
    )
    chosen.set(target, { ...from, servers: [server], ...(pooler === undefined ? {} : { pooler }) })
    if (pooler !== undefined) markPooled(client)
    return client
  } catch (error) {
    await client.end().catch(() => undefined)
    throw toTrailError(error)
  }
}

/** The target as plain data, fixed to the server that was chosen: for a worker thread, which must read what this one reads. */
export function fixedTarget(target: ConnectionTarget): ConnectionTarget {
  const { onPlain: _, ...plain } = chosen.get(target) ?? target
  return plain
}

async function reachChosen(target: ConnectionTarget): Promise<Reached & { from: ConnectionTarget }> {
  const remembered = chosen.get(target)
  if (remembered !== undefined) {
    try {
      return { ...(await reach(remembered, rememberLoss)), from: remembered }
    } catch (error) {
      // It may have gone since: then all have their turn again.
      if (!isAway(error)) throw error
      chosen.delete(target)
      if ((target.servers?.length ?? 0) === 1) throw error
    }
  }
  const isWhole = target.servers !== undefined && target.user !== undefined && target.database !== undefined
  const from = isWhole ? target : (await import("./connection/complete.js")).complete(target)
  return { ...(await reach(from, rememberLoss)), from }
}

/** Fixes the session. Nothing is set before it is certain that this is one: a pooler would pass it on to other programs. */
async function prepare(
  client: Client,
  from: ConnectionTarget,
  pooled: boolean,
): Promise<"session" | undefined> {
  if (from.pooler === "session") {
    await fixInTime(from, client, sessionSettings("session"))
    return "session"
  }
  try {
    const { processID } = client as unknown as { processID: number | null }
    await fixInTime(from, client, `${mustBe(processID)}; ${sessionSettings("session")}`)
    return undefined
  } catch (error) {
    if (!saysPooler(error)) throw error
  }
  const { poolerMode, poolerRefusal } = await import("./pooler.js")
  const mode = await poolerMode(client, async () => (await reach(from, rememberLoss)).client)
  if (typeof mode !== "string") {
    await fixInTime(from, client, `${mustBe(mode.backend)}; ${sessionSettings("session")}`)
    return "session"
  }
  if (!pooled) throw poolerRefusal(mode)
  lendSessions(client)
  markPooled(client)
  return undefined
}

const superusers = new WeakSet<ClientBase>()

/** Whether what runs in this session could do anything on the server. */
export const isSuperuser = (client: ClientBase): boolean => superusers.has(client)

/** Within the time that a login has: a server that goes silent just after it would be waited for until the network tells. */
const fixInTime = (target: ConnectionTarget, client: Client, settings: string): Promise<void> =>
  cutIn(client, target.connectTimeoutMs ?? 10_000, () => fix(client, settings))

/** Asks in the same round trip who this is: a superuser's session must not run what the owner of a log has planted. */
async function fix(client: Client, settings: string): Promise<void> {
  const results = await client.query<{ superuser: string; suspect: string }>(`${settings}; ${whoSql}`)
  const answer = [results].flat().at(-1)?.rows[0]
  if (answer?.superuser !== "true") return
  superusers.add(client)
  if (answer.suspect !== "true") return
  const { refuseTraps } = await import("./verify/foreign.js")
  await refuseTraps(client)
}

export async function withClient<T>(
  target: ConnectionTarget,
  use: (client: Client) => Promise<T>,
): Promise<T> {
  const client = await take(target)
  let result: T
  try {
    result = await watching(target, client, () => use(client))
  } catch (cause) {
    const error = toTrailError(cause)
    const lost = error instanceof TrailError && error.code === "connection-lost" ? lossOf(client) : undefined
    await cutIn(client, target.silenceMs, () => client.end().catch(() => undefined))
    throw lost === undefined ? error : toTrailError(lost)
  }
  await cutIn(client, target.silenceMs, () => giveBack(target, client))
  return result
}

async function watching<T>(target: ConnectionTarget, client: Client, work: () => Promise<T>): Promise<T> {
  if (target.silenceMs === undefined) return await work()
  const { whileWatched } = await import("./connection/watch.js")
  return await whileWatched(client, target, target.silenceMs, work)
}

/** Cuts the connection where that takes longer: of a farewell that nobody hears the network says so after a quarter of an hour. */
async function cutIn<T>(
  client: Client,
  milliseconds: number | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const timer =
    milliseconds === undefined || milliseconds === 0
      ? undefined
      : setTimeout(() => destroy(client), milliseconds)
  try {
    return await work()
  } finally {
    clearTimeout(timer)
  }
}

/** The connection that the target's Trail keeps, if nobody has it, or a new one. Whoever takes it ends it, or gives it back. */
export async function take(target: ConnectionTarget): Promise<Client> {
  return (await again(target)) ?? (await connect(target))
}

/** For whoever asks next, if the target has somebody who keeps it; where something failed on it, it must be ended instead. */
export async function giveBack(target: ConnectionTarget, client: Client): Promise<void> {
  if (isPooled(client)) await client.end().catch(() => undefined)
  else await keepOrEnd(target, client)
}

/** The kept connection, its session fixed anew; who it is, and what others have planted meanwhile, is asked again. */
async function again(target: ConnectionTarget): Promise<Client | undefined> {
  const client = takeKept(target)
  if (client === undefined) return undefined
  try {
    await fixInTime(target, client, sessionSettings("session"))
    return client
  } catch (error) {
    await client.end().catch(() => undefined)
    if (error instanceof TrailError) throw error
    // It is gone: a new one tells how things are.
    return undefined
  }
}

export async function withTransaction<T>(
  client: ClientBase,
  begin: string,
  use: () => Promise<T>,
): Promise<T> {
  await client.query(begin)
  try {
    const result = await use()
    await client.query("commit")
    return result
  } catch (error) {
    await client.query("rollback").catch(() => undefined)
    throw error
  }
}

/** Cuts the connection: the only way out when a COPY's reader has failed (node-pg-copy-streams would wait for ever). */
export function destroy(client: Client): void {
  streamOf(client).destroy()
}
