// One installation or migration of a database at a time; and locks on its tables, which are asked for briefly and again.
import { setTimeout as pause } from "node:timers/promises"
import type { ClientBase } from "pg"
import { TrailError } from "../errors.js"
import { toTrailError } from "../server-errors.js"
import { INSTALL_LOCK, LOCK_SPACE } from "./script.js"

/** Others that write queue behind whoever waits for a table: nobody waits longer at a time. Milliseconds. */
const attempt = 100
const longestPause = 1_000

/** Holds the lock of installations over all of `work`'s transactions. Waits `lockTimeoutMs` for it. */
export async function withInstallLock<T>(
  client: ClientBase,
  lockTimeoutMs: number,
  work: () => Promise<T>,
): Promise<T> {
  await inTransaction(client, async () => {
    await client.query(`set local lock_timeout = ${lockTimeoutMs}`)
    await client.query("select pg_advisory_lock($1, $2)", [LOCK_SPACE, INSTALL_LOCK])
  })
  try {
    return await work()
  } finally {
    // A connection that is lost holds no lock any more.
    await client.query("select pg_advisory_unlock($1, $2)", [LOCK_SPACE, INSTALL_LOCK]).catch(() => undefined)
  }
}

/**
 * Runs `work` in a transaction, and again where another session holds a lock that it needs, until `lockTimeoutMs` are over. `work` is
 * told how long it may wait for each lock, and says whether to commit.
 */
export async function retried<T>(
  client: ClientBase,
  lockTimeoutMs: number,
  work: (attemptMs: number) => Promise<T>,
  end: "commit" | "rollback" = "commit",
): Promise<T> {
  const started = performance.now()
  for (let wait = attempt; ; wait = Math.min(wait * 2, longestPause)) {
    const left = Math.trunc(lockTimeoutMs - (performance.now() - started))
    const longest = (await isVacuumed(client)) ? await untilVacuumYields(client) : attempt
    try {
      return await inTransaction(client, () => work(Math.max(1, Math.min(longest, left))), end)
    } catch (cause) {
      const error = toTrailError(cause)
      const isBusy =
        error instanceof TrailError && (error.code === "lock-timeout" || error.sqlstate === "40P01")
      if (!isBusy || performance.now() - started + wait > lockTimeoutMs) throw error
      await pause(wait)
    }
  }
}

/** Whatever the server's default isolation is: whoever waited for a lock must see what the other did. */
async function inTransaction<T>(
  client: ClientBase,
  work: () => Promise<T>,
  end: "commit" | "rollback" = "commit",
): Promise<T> {
  await client.query("begin isolation level read committed")
  try {
    const result = await work()
    await client.query(end)
    return result
  } catch (error) {
    await client.query("rollback").catch(() => undefined)
    throw error
  }
}

/** A vacuum by the server itself gives way, but only to who has waited for deadlock_timeout. */
async function isVacuumed(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query(
    `select from pg_locks l join pg_class c on c.oid = l.relation join pg_namespace n on n.oid = c.relnamespace
     where l.database = (select oid from pg_database where datname = current_database()) and n.nspname = 'pgtrail'
       and l.mode = 'ShareUpdateExclusiveLock' and l.granted and l.pid <> pg_backend_pid() limit 1`,
  )
  return rows.length > 0
}

async function untilVacuumYields(client: ClientBase): Promise<number> {
  const { rows } = await client.query<{ ms: string }>(
    "select (extract(epoch from current_setting('deadlock_timeout')::interval) * 1000)::int as ms",
  )
  return Number(rows[0]?.ms ?? 1_000) + 10 * attempt
}
