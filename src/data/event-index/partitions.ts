// Which further indexes each partition of pgtrail.event has, found by their definitions; nothing of the partitions is opened.
import type { ClientBase } from "pg"
import { type IndexKind, indexOfDefinition, type Made, madeOn } from "./kinds.js"

/** Names are quoted by the server, with their schemas: they may be anybody's. */
export interface FoundIndex {
  readonly kind: IndexKind
  readonly made: Made
  readonly name: string
  /** Not so while it is made, and after that has failed. */
  readonly isValid: boolean
  readonly bytes: string
}

export interface IndexedPartition {
  readonly name: string
  readonly schema: string
  /** By ending, what an index on it would be called, without the schema. */
  readonly labels: Readonly<Record<string, string>>
  readonly hasEvents: boolean
  readonly indexes: readonly FoundIndex[]
}

/** A name that is too long, or that something else has already, is cut and told apart by a hash. What is invalid goes first. */
const query = `
with recursive part (oid) as (
  select i.inhrelid from pg_inherits i where i.inhparent = 'pgtrail.event'::regclass
  union all
  select i.inhrelid from part p join pg_inherits i on i.inhparent = p.oid
)
select format('%I.%I', n.nspname, c.relname) as name, quote_ident(n.nspname) as schema, pg_relation_size(c.oid) > 0 as has_events,
  (select json_object_agg(k.ending, (
    select quote_ident(l.label)
    from (values (1, c.relname || '_' || k.ending), (2, left(c.relname, 9) || '_' || left(md5(c.relname), 8) || '_' || k.ending)) l (nr, label)
    order by octet_length(l.label) > 63 or exists (
      select from pg_class o left join pg_index x on x.indexrelid = o.oid and x.indrelid = c.oid and not x.indisvalid
      where o.relnamespace = n.oid and o.relname = l.label and x.indexrelid is null), l.nr
    limit 1
  )) from unnest($1::text[]) k (ending)) as labels,
  quote_ident(n.nspname) || '.' || quote_ident(i.relname) as index, i.definition, i.is_valid, i.bytes
from part p
join pg_class c on c.oid = p.oid and c.relkind = 'r'
join pg_namespace n on n.oid = c.relnamespace
left join lateral (
  select o.relname, pg_get_indexdef(o.oid) as definition, x.indisvalid and x.indisready as is_valid, pg_relation_size(o.oid) as bytes
  from pg_index x
  join pg_class o on o.oid = x.indexrelid
  join pg_am a on a.oid = o.relam and (a.amname = 'gin' or a.amname = 'btree' and x.indnatts = 2 and x.indexprs is not null)
  where x.indrelid = c.oid
) i on true
order by pg_get_expr(c.relpartbound, c.oid) collate "C" desc, 1, i.relname`

interface Row {
  readonly name: string
  readonly schema: string
  readonly has_events: string
  readonly labels: string | null
  readonly index: string
  readonly definition: string | null
  readonly is_valid: string
  readonly bytes: string
}

/** Newest first, DEFAULT last. `kind` names what would be made. Throws `not-installed`. */
export async function indexedPartitions(
  client: ClientBase,
  kind: IndexKind | "" = "",
): Promise<IndexedPartition[]> {
  const { rows } = await client.query<Row>(query, [
    kind === "" ? [] : madeOn[kind].indexes.map(({ ending }) => ending),
  ])
  const found = new Map<string, IndexedPartition & { readonly indexes: FoundIndex[] }>()
  for (const { name, schema, labels, has_events, index, definition, is_valid, bytes } of rows) {
    const partition = found.get(name) ?? {
      name,
      schema,
      labels: JSON.parse(labels ?? "{}") as Record<string, string>,
      hasEvents: has_events === "t",
      indexes: [],
    }
    found.set(name, partition)
    const known = definition === null ? undefined : indexOfDefinition(definition)
    if (known === undefined) continue
    partition.indexes.push({ ...known, name: index, isValid: is_valid === "t", bytes })
  }
  return [...found.values()]
}

/** What only looks like it, half made, is none. */
export const isOf = (index: FoundIndex, made: Made): boolean => index.made === made && index.isValid
