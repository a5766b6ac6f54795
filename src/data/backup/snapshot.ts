// The snapshot that all of a backup is read on: what the log says of itself there, and which tables and partitions it has.
import type { Client } from "pg"
import { TrailError } from "../errors.js"
import { notInstalled, schemaState } from "../migrate/state.js"
import { writeTime } from "../query/columns.js"
import { plural } from "../words.js"
import { readBeside } from "./beside.js"
import { ChangedMeanwhile, lockedByOthers, type Relation, readRelations } from "./relations.js"

export interface Snapshot {
  readonly id: string
  readonly logId: string
  readonly logIds: readonly string[]
  readonly incarnation: string
  readonly database: string
  readonly serverVersion: string
  readonly isStandby: boolean
  readonly user: string
  readonly time: string
  readonly level: number
  readonly hasRoles: boolean
  readonly act: { readonly seq: string; readonly hash: string } | null
  readonly checkpoint: { readonly act: string; readonly recorded_at: string; readonly digest: string } | null
  /** Sorted by name. */
  readonly relations: readonly Relation[]
  readonly warnings: readonly string[]
  /** Statements: beside.ts. */
  readonly beside: readonly string[]
}

/** Throws `not-installed`, `newer-schema`, and `privilege` naming the tables that this role may not read. */
export async function refuseUnreadable(client: Client): Promise<void> {
  const { rows } = await client.query<{
    installed: string
    name: string | null
    role: string
    total: string
  }>(
    `select exists (select from pg_class l where l.relnamespace = to_regnamespace('pgtrail') and l.relname = 'log') as installed, quote_ident(session_user) as role, c.relname as name,
       count(*) over () as total
     from (select) one
     left join pg_class c on c.relnamespace = to_regnamespace('pgtrail') and c.relkind in ('r', 'p')
       and not (has_schema_privilege(c.relnamespace, 'usage') and has_table_privilege(c.oid, 'select'))
     order by c.relispartition, c.relname limit 5`,
  )
  const [row] = rows
  if (row?.installed !== "t") throw notInstalled()
  if (row.name === null) return
  const more = Number(row.total) - rows.length
  throw new TrailError(
    "privilege",
    `this role may not read ${plural(row.total, "table")} of the log: ${rows.map(({ name }) => name).join(", ")}${more > 0 ? `, and ${more} more` : ""}`,
    { hint: `nothing was backed up; as a superuser: grant pg_read_all_data to ${row.role}` },
  )
}

/** `locked`: nothing is rebuilt or dropped from now to the end of the transaction, by ACCESS SHARE on everything. */
export async function beginSnapshot(client: Client, locked: boolean): Promise<Snapshot> {
  const begin = "begin isolation level repeatable read read only"
  if (locked) {
    const { rows } = await client.query<{ names: string | null }>(
      `select string_agg(format('only %I.%I', 'pgtrail', c.relname), ', ') as names
       from pg_class c where c.relnamespace = to_regnamespace('pgtrail') and c.relkind = 'r'`,
    )
    await client.query(`${begin}; lock table ${rows[0]?.names ?? "only pgtrail.log"} in access share mode`)
  } else await client.query(begin)
  const exported = await client.query<{ id: string }>("select pg_export_snapshot() as id")
  // What is looked at here must not stay locked: whoever waits for it would keep those waiting who read it for this backup.
  await client.query("savepoint facts")
  const { rows } = await client.query<Record<string, string>>(
    `select l.log_id, l.incarnation, current_database() as database,
        current_setting('server_version') as server, pg_is_in_recovery() as standby, session_user as user, clock_timestamp() as time
     from pgtrail.log l`,
  )
  const row = rows[0] ?? {}
  const state = await schemaState(client)
  const { level } = state
  const [head] = (
    await client.query<{ seq: string; hash: string }>(
      "select a.seq, encode(a.hash, 'hex') as hash from pgtrail.act a order by a.seq desc limit 1",
    )
  ).rows
  const [checkpoint] = (
    await client.query<{ seq: string; recorded_at: string; digest: string | null }>(
      `select a.seq, a.recorded_at, encode(a.digest, 'hex') as digest
       from pgtrail.act a where a.kind = 'checkpoint' order by a.seq desc limit 1`,
    )
  ).rows
  const { relations, warnings } = await readRelations(client, level).catch((error: unknown) => {
    throw (error as { code?: unknown }).code === "55P03" ? lockedByOthers("a table of the log", error) : error
  })
  const logId = row.log_id ?? ""
  const lives = relations.some(({ name }) => name === "incarnation")
    ? (
        await client.query<{ log_id: string }>(
          "select i.log_id from pgtrail.incarnation i order by i.number desc",
        )
      ).rows
    : []
  const beside = await readBeside(client).catch((error: unknown) => {
    // These functions look into the catalog as it is now: of an index that went with its partition since they know nothing.
    const { code, message } = error as { code?: unknown; message?: string }
    const isGone = code === "XX000" && /could not open relation|cache lookup failed/.test(message ?? "")
    throw isGone ? new ChangedMeanwhile("a partition", error) : error
  })
  await client.query("rollback to savepoint facts; release savepoint facts")
  return {
    id: exported.rows[0]?.id ?? "",
    logId,
    logIds: [...new Set([logId, ...lives.map((one) => one.log_id)])],
    incarnation: row.incarnation ?? "",
    database: row.database ?? "",
    serverVersion: row.server ?? "",
    isStandby: row.standby === "t",
    user: row.user ?? "",
    time: writeTime(row.time ?? ""),
    level,
    hasRoles: state.roles,
    act: head ?? null,
    checkpoint:
      checkpoint === undefined || checkpoint.digest === null
        ? null
        : {
            act: checkpoint.seq,
            recorded_at: writeTime(checkpoint.recorded_at),
            digest: checkpoint.digest,
          },
    relations,
    warnings,
    beside,
  }
}

/** A short transaction on the snapshot; within that of the snapshot itself where `id` is undefined. */
export async function onSnapshot<T>(
  client: Client,
  id: string | undefined,
  work: () => Promise<T>,
): Promise<T> {
  if (id === undefined) return await work()
  await client.query(
    `begin isolation level repeatable read read only; set transaction snapshot '${id.replaceAll("'", "")}'`,
  )
  const result = await work()
  await client.query("commit")
  return result
}
