// What a log shares with everything else on its server: connections, transactions, the standby.
import type { ClientBase } from "pg"
import { ageWords, type Check, measured, type Thresholds } from "./checks.js"

export interface ServerStatus {
  readonly connections: string
  /** Without those that are kept for superusers. */
  readonly connections_allowed: string
  /** Transactions, or multixacts where these are more, since the oldest one that is not frozen. */
  readonly transaction_age: string
  readonly oldest_transaction_seconds: string
  /** Whether other roles' transactions were hidden from this one. */
  readonly oldest_transaction_partial: boolean
  /** Null on a primary, and on a standby that has replayed nothing yet. */
  readonly standby_lag_seconds: string | null
}

export async function serverStatus(client: ClientBase): Promise<ServerStatus> {
  const { rows } = await client.query<Record<string, string | null>>(
    `select (select sum(d.numbackends) from pg_stat_database d) as connections,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
         - coalesce(current_setting('reserved_connections', true)::int, 0) as connections_allowed,
       (select greatest(age(d.datfrozenxid), mxid_age(d.datminmxid)) from pg_database d where d.datname = current_database())
         as transaction_age,
       (select coalesce(greatest(0, max(extract(epoch from clock_timestamp() - t.began)))::bigint, 0) from (
          select a.xact_start as began from pg_stat_activity a
          where a.pid <> pg_backend_pid() and (a.backend_xmin is not null or a.backend_xid is not null)
            and a.backend_type = 'client backend'
          union all select p.prepared from pg_prepared_xacts p) t) as oldest_transaction_seconds,
       (select count(*) > 0 from pg_stat_activity a where a.query = '<insufficient privilege>') as oldest_transaction_partial,
       case when pg_is_in_recovery() then
         case when pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() and exists (select from pg_stat_wal_receiver) then 0
           else greatest(0, extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()))::bigint end
       end as standby_lag_seconds`,
  )
  const row = rows[0] ?? {}
  return {
    connections: row.connections ?? "0",
    connections_allowed: row.connections_allowed ?? "0",
    transaction_age: row.transaction_age ?? "0",
    oldest_transaction_seconds: row.oldest_transaction_seconds ?? "0",
    oldest_transaction_partial: row.oldest_transaction_partial === "t",
    standby_lag_seconds: row.standby_lag_seconds ?? null,
  }
}

export function serverChecks(server: ServerStatus, standby: boolean, thresholds: Thresholds): Check[] {
  const { connections, connections_allowed: allowed, transaction_age: age } = server
  const used = Math.min(100, Math.round((Number(connections) * 100) / Math.max(1, Number(allowed))))
  const oldest = Number(server.oldest_transaction_seconds)
  const partial = server.oldest_transaction_partial
    ? ", as far as this role sees (pg_read_all_stats sees all)"
    : ""
  const lag = server.standby_lag_seconds
  return [
    ...(standby
      ? [
          measured(
            "standby-lag",
            lag === null ? null : Number(lag),
            lag === null ? "nothing was replayed yet" : `${ageWords(Number(lag))} behind`,
            thresholds,
          ),
        ]
      : []),
    measured("connections", used, `${used}%: ${connections} of ${allowed}`, thresholds),
    measured("transaction-age", Number(age), `${age} transactions`, thresholds),
    measured(
      "oldest-transaction",
      oldest,
      `${oldest === 0 ? "none" : ageWords(oldest)}${partial}`,
      thresholds,
    ),
  ]
}
