// Compares what the description of the catalog leaves out, because it differs from partition to partition: their bounds.
import type { ClientBase } from "pg"
import type { Difference } from "./catalog-difference.js"

interface Partition {
  readonly name: string
  readonly bound: string | null
  readonly is_default: string
  /** Null where the bound is no range of time. */
  readonly since: string | null
}

/** No two may hold the same time, and one must be DEFAULT, so that no insert is refused for want of a partition. */
export async function compareBounds(client: ClientBase): Promise<Difference[]> {
  const { rows } = await client.query<Partition & { overlaps: string | null }>(
    `with bound as (
       select case when n.nspname = 'pgtrail' then '' else n.nspname || '.' end || c.relname as name, pg_get_expr(c.relpartbound, c.oid) as bound
       from pg_inherits i
       join pg_class c on c.oid = i.inhrelid
       join pg_namespace n on n.oid = c.relnamespace
       where i.inhparent = to_regclass('pgtrail.event')
     ), range as (
       select b.name, b.bound, b.bound = 'DEFAULT' as is_default,
         case when m is not null then coalesce(nullif(btrim(m[1], ''''), 'MINVALUE'), '-infinity')::timestamptz end as since,
         case when m is not null then coalesce(nullif(btrim(m[2], ''''), 'MAXVALUE'), 'infinity')::timestamptz end as until
       from bound b
       left join lateral regexp_match(b.bound, '^FOR VALUES FROM \\((.*)\\) TO \\((.*)\\)$') m on true
     )
     select r.name, r.bound, r.is_default, r.since, (
         select min(o.name) from range o
         where o.name < r.name and not o.is_default and o.since < r.until and r.since < o.until) as overlaps
     from range r order by 1`,
  )
  const found: Difference[] = []
  const add = (
    object: string,
    what: string,
    expected: string | null,
    actual: string | null,
    message: string,
  ) => found.push({ kind: "catalog_changed", object, what, expected, actual, message, evidence: message })
  for (const { name, bound, is_default, since, overlaps } of rows) {
    if (is_default === "t") continue
    if (since === null) {
      const message = `partition ${name}: its bounds are no range of time: ${bound}`
      add(`partition ${name}`, "bounds", "a range of time", bound, message)
    }
    if (overlaps === null) continue
    const message = `partition ${name}: its bounds overlap those of partition ${overlaps}: ${bound}`
    add(`partition ${name}`, "bounds", `no overlap with ${overlaps}`, bound, message)
  }
  if (rows.length > 0 && !rows.some((row) => row.is_default === "t")) {
    const message = "table event has no DEFAULT partition: an event of another time is refused"
    add("table event", "partition DEFAULT", "a DEFAULT partition", null, message)
  }
  return found
}
