// What a DBA wants to know at a glance: server, schema, sizes, partitions, newest acts.
import type { ClientBase } from "pg"
import { isPending, type SchemaState, schemaState } from "./install.js"
import { writeTime } from "./query/columns.js"

export interface PartitionStatus {
  readonly name: string
  /** Null: unbounded. The DEFAULT partition has neither. */
  readonly since: string | null
  readonly until: string | null
  readonly is_default: boolean
  /** From the last analyze; null where there was none. */
  readonly rows_estimate: string | null
  readonly bytes: string
}

export interface LogStatus {
  readonly server_version: string
  readonly database: string
  readonly user: string
  readonly standby: boolean
  readonly migrations: {
    readonly state: "not installed" | "changed" | "pending" | "current"
    readonly version: string | null
    readonly roles: boolean
  }
  /** Null where pgtrail is not installed. The parts of it are null where the role may not read them. */
  readonly log: {
    readonly log_id: string
    readonly incarnation: string
    readonly created_at: string
    readonly organizations: readonly { organization_id: string; lanes: string; events: string }[] | null
    readonly rows_estimate: string
    readonly bytes: string
    readonly partitions: readonly PartitionStatus[]
    /** Counted up to 10,000. */
    readonly rows_in_default: string | null
    readonly acts:
      | readonly { seq: string; kind: string; recorded_at: string; session_user_name: string }[]
      | null
    readonly verified: {
      readonly seq: string
      readonly recorded_at: string
      readonly parameters: string
    } | null
  } | null
}

export async function logStatus(client: ClientBase): Promise<LogStatus> {
  const server = await one(
    client,
    `select current_setting('server_version') as server_version, current_database() as database,
       current_user as user, pg_is_in_recovery() as standby`,
  )
  const state = await schemaState(client)
  return {
    server_version: server.server_version ?? "",
    database: server.database ?? "",
    user: server.user ?? "",
    standby: server.standby === "t",
    migrations: migrationsOf(state),
    log: state.installed ? await logOf(client) : null,
  }
}

function migrationsOf(state: SchemaState): LogStatus["migrations"] {
  const newest = state.migrations.findLast((migration) => migration.state !== "pending")
  const version = newest === undefined ? null : `${newest.number}_${newest.name}`
  if (!state.installed) return { state: "not installed", version: null, roles: false }
  const changed = state.migrations.some((migration) => migration.state === "changed")
  return {
    state: changed ? "changed" : isPending(state) ? "pending" : "current",
    version,
    roles: state.roles,
  }
}

async function logOf(client: ClientBase): Promise<NonNullable<LogStatus["log"]>> {
  const log = await one(
    client,
    `select l.log_id, l.incarnation, l.created_at,
       has_table_privilege('pgtrail.chain_head', 'select') as heads, has_table_privilege('pgtrail.act', 'select') as acts
     from pgtrail.log l`,
  )
  const partitions = await partitionsOf(client)
  const sum = (values: (string | null)[]) =>
    String(values.reduce((total, value) => total + BigInt(value ?? "0"), 0n))
  return {
    log_id: log.log_id ?? "",
    incarnation: log.incarnation ?? "",
    created_at: writeTime(log.created_at ?? ""),
    organizations: log.heads === "t" ? await organizationsOf(client) : null,
    rows_estimate: sum(partitions.map((partition) => partition.rows_estimate)),
    bytes: sum(partitions.map((partition) => partition.bytes)),
    partitions,
    rows_in_default: await rowsInDefault(client, partitions),
    acts: log.acts === "t" ? await actsOf(client) : null,
    verified: log.acts === "t" ? await verifiedBy(client) : null,
  }
}

/** A lane's newest seq is the number of its events: seq has no gaps. */
async function organizationsOf(client: ClientBase) {
  const { rows } = await client.query<{ organization_id: string; lanes: string; events: string }>(
    `select h.organization_id, count(*) as lanes, sum(h.seq) as events
     from (select organization_id, lane, max(seq) as seq from pgtrail.chain_head group by organization_id, lane) h
     group by h.organization_id
     order by sum(h.seq) desc, h.organization_id`,
  )
  return rows
}

async function partitionsOf(client: ClientBase): Promise<PartitionStatus[]> {
  const { rows } = await client.query<Record<keyof PartitionStatus, string | null>>(
    `select p.name, nullif(btrim(p.bound[1], ''''), 'MINVALUE')::timestamptz as since,
       nullif(btrim(p.bound[2], ''''), 'MAXVALUE')::timestamptz as until, p.bound is null as is_default, p.rows_estimate, p.bytes
     from (
       select c.relname as name, nullif(c.reltuples, -1)::bigint as rows_estimate, pg_total_relation_size(c.oid) as bytes,
         regexp_match(pg_get_expr(c.relpartbound, c.oid), '^FOR VALUES FROM \\((.*)\\) TO \\((.*)\\)$') as bound
       from pg_inherits i
       join pg_class c on c.oid = i.inhrelid
       where i.inhparent = 'pgtrail.event'::regclass
     ) p
     order by p.bound is null, 2 nulls first`,
  )
  return rows.map((row) => ({
    name: row.name ?? "",
    since: writeTime(row.since),
    until: writeTime(row.until),
    is_default: row.is_default === "t",
    rows_estimate: row.rows_estimate,
    bytes: row.bytes ?? "0",
  }))
}

async function rowsInDefault(
  client: ClientBase,
  partitions: readonly PartitionStatus[],
): Promise<string | null> {
  const name = partitions.find((partition) => partition.is_default)?.name
  if (name === undefined) return "0"
  const table = `pgtrail."${name.replaceAll('"', '""')}"`
  const { readable } = await one(
    client,
    `select has_table_privilege('${table.replaceAll("'", "''")}', 'select') as readable`,
  )
  if (readable !== "t") return null
  return (await one(client, `select count(*) as rows from (select from ${table} limit 10000) d`)).rows ?? null
}

async function actsOf(client: ClientBase) {
  const { rows } = await client.query<{
    seq: string
    kind: string
    recorded_at: string
    session_user_name: string
  }>(
    "select a.seq, a.kind, a.recorded_at, a.session_user_name from pgtrail.act a order by a.seq desc limit 5",
  )
  return rows.map((row) => ({ ...row, recorded_at: writeTime(row.recorded_at) }))
}

async function verifiedBy(client: ClientBase) {
  const { rows } = await client.query<{ seq: string; recorded_at: string; parameters: string }>(
    "select a.seq, a.recorded_at, a.parameters from pgtrail.act a where a.kind = 'verify' order by a.seq desc limit 1",
  )
  const row = rows[0]
  return row === undefined ? null : { ...row, recorded_at: writeTime(row.recorded_at) }
}

async function one(client: ClientBase, text: string): Promise<Record<string, string | null>> {
  const { rows } = await client.query<Record<string, string | null>>(text)
  return rows[0] ?? {}
}
