// What a transaction may still want to see, a table that is written anew keeps: who that is, and how many rows it were.
import type { Client } from "pg"

/** Of node-postgres: what the server tells beside its answer. */
interface Notice {
  readonly severity?: string | undefined
  readonly detail?: string | undefined
}

/**
 * How many dead rows the server kept when it wrote tables anew, by its own count: of VACUUM FULL and CLUSTER with VERBOSE. Undefined where it
 * did not say. Whatever held them back, which no list of sessions tells for certain, they are in this count.
 */
export async function rowsKept(client: Client, work: () => Promise<unknown>): Promise<string | undefined> {
  let kept: bigint | undefined
  const hear = ({ severity, detail }: Notice): void => {
    // The words are in the server's language; the first number is that of the dead rows in all of them.
    const count = severity === "INFO" ? /\d+/.exec(detail ?? "")?.[0] : undefined
    if (count !== undefined) kept = (kept ?? 0n) + BigInt(count)
  }
  client.on("notice", hear)
  try {
    await work()
  } finally {
    client.off("notice", hear)
  }
  return kept === undefined ? undefined : String(kept)
}

export interface Patience {
  readonly patienceMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** Waits for what began before this moment; who is at it still after the patience, or null. */
export async function awaitOlder(
  client: Client,
  { patienceMs = 30_000, signal }: Patience,
): Promise<string | null> {
  const { rows: now } = await client.query<{ xid: string }>("select pg_current_xact_id() as xid")
  const deadline = performance.now() + patienceMs
  for (;;) {
    const { rows } = await client.query<{ holder: string }>(olderSql, [now[0]?.xid ?? "0"])
    const holder = rows[0]?.holder
    if (holder === undefined) return null
    if (performance.now() >= deadline) return holder
    signal?.throwIfAborted()
    await client.query("select pg_sleep(0.1)")
  }
}

/**
 * A snapshot is as old as the oldest transaction that writes in any database of the server; one that reads counts in its own alone, and that of
 * a standby, which has none, in all.
 */
const olderSql = `select format('process %s (%s)', a.pid, concat_ws(', ', a.usename, nullif(a.application_name, ''),
    case when a.datname <> current_database() then 'in database ' || a.datname end)) as holder
  from pg_stat_activity a
  where a.pid <> pg_backend_pid() and (age(a.backend_xid) >= age($1::xid8::xid)
    or age(a.backend_xmin) >= age($1::xid8::xid) and coalesce(a.datname = current_database(), true))
  union all
  select format('replication slot %s', s.slot_name) from pg_replication_slots s
  where age(s.catalog_xmin) >= age($1::xid8::xid) or age(s.xmin) >= age($1::xid8::xid)
  union all
  select format('prepared transaction %s (in database %s)', p.gid, p.database) from pg_prepared_xacts p where age(p.transaction) >= age($1::xid8::xid)
  union all
  select 'a transaction' where pg_snapshot_xmin(pg_current_snapshot()) <= $1::xid8
  limit 1`
