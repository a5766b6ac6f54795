// The partitions that were detached by an act: no query of pgtrail.event finds their events, and the chains go through them all the same.
import type { ClientBase } from "pg"

export interface Detached {
  readonly oid: string
  /** Quoted and qualified by the server. */
  readonly name: string
  /** Microseconds since 2000; null where it is infinite, which no act makes. */
  readonly since: string | null
  readonly until: string | null
  readonly blocks: string
}

/** A log of an earlier version has no such table, nor one from which the migration was taken back. */
async function knowsDetached(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ knows: string }>(
    "select to_regclass('pgtrail.detached_partition') is not null as knows",
  )
  return rows[0]?.knows === "t"
}

/** Sessions that read one chain after another, and found the table: those are not asked again. */
const knowing = new WeakSet<ClientBase>()

const micros = (column: string) =>
  `case when isfinite(${column}) then (extract(epoch from ${column} - timestamptz '2000-01-01 00:00+00') * 1000000)::numeric(30,0)::text end`

const list = `select c.oid, format('pgtrail.%I', d.name) as name, ${micros("d.since")} as since, ${micros("d.until")} as until,
    pg_relation_size(c.oid) / current_setting('block_size')::bigint as blocks
  from pgtrail.detached_partition d
  join pg_class c on c.relname = d.name and c.relnamespace = 'pgtrail'::regnamespace and c.relkind = 'r'
  where not exists (select from pg_inherits i where i.inhrelid = c.oid)
    and not exists (
      select from pg_attribute e
      where e.attrelid = 'pgtrail.event'::regclass and e.attnum > 0 and not e.attisdropped and not exists (
        select from pg_attribute a
        where a.attrelid = c.oid and a.attname = e.attname and a.atttypid = e.atttypid and not a.attisdropped))
  order by d.since, d.name`

/** Those whose table is there, has events, and was not attached by hand: then it is read as the partition that it is. */
export async function detachedPartitions(client: ClientBase): Promise<Detached[]> {
  return (await knowsDetached(client)) ? (await client.query<Detached>(list)).rows : []
}

/** A fresh snapshot while no partition is made, attached, detached, rewritten or dropped. The lock before the snapshot, which the first query takes. */
export const beginHeld =
  "begin isolation level repeatable read read only; lock table only pgtrail.event in access share mode"

/**
 * Runs `work` on a fresh snapshot on which each event stands in one place: nothing is attached, detached, rewritten or dropped by an act
 * before the transaction ends, because that takes this lock away from all. `source` goes into FROM, and has the columns of an event.
 */
export async function withAllEvents<T>(
  client: ClientBase,
  columns: readonly string[],
  work: (source: string) => Promise<T>,
): Promise<T> {
  const knows = knowing.has(client) || (await knowsDetached(client))
  if (knows) knowing.add(client)
  const begin = knows ? `${beginHeld}; ${list}` : beginHeld
  try {
    // Several statements have several results, which the types do not know.
    const results: unknown = await client.query(begin)
    const detached = Array.isArray(results) ? ((results.at(-1) as { rows: Detached[] }).rows ?? []) : []
    const names = ["pgtrail.event", ...detached.map(({ name }) => `only ${name}`)]
    const all = names.map((name) => `select ${columns.join(", ")} from ${name}`)
    const result = await work(detached.length === 0 ? "pgtrail.event" : `(${all.join(" union all ")}) event`)
    await client.query("commit")
    return result
  } catch (error) {
    await client.query("rollback").catch(() => undefined)
    throw error
  }
}
