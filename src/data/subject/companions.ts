// Tables that a profile has beside its events: no erasure of the log touches them. Who stands in one is told, and what could not be read.
import { once } from "node:events"
import type { Client } from "pg"
import { from as copyFrom } from "pg-copy-streams"
import { plural } from "../words.js"
import type { Identifier } from "./identifiers.js"
import { escaped } from "./stage.js"

interface Companion {
  readonly name: string
  readonly profile: string
  readonly readable: string
}

/**
 * In words, with the SQL to look: rows of companion tables that have an identifier anywhere, and tables that this role may not read. No value is
 * in the words, and no identifier in a statement. Not within a transaction.
 */
export async function inCompanions(client: Client, identifiers: readonly Identifier[]): Promise<string[]> {
  // What a removal of the profile left is marked as its own still. Of an archive there are places of events alone.
  const { rows: tables } = await client.query<Companion>(
    `select format('%I.%I', n.nspname, c.relname) as name, substring(obj_description(c.oid, 'pg_class') from '^pgtrail profile (.*)$') as profile,
       has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select') as readable
     from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_namespace l on l.nspname = 'pgtrail' and l.nspowner = c.relowner
     where c.relkind in ('r', 'p') and n.nspname <> 'pgtrail' and not starts_with(n.nspname, 'pg_') and c.relname <> 'pgtrail_audit_events_archive'
       and obj_description(c.oid, 'pg_class') like 'pgtrail profile %'
     order by 1`,
  )
  if (tables.length === 0) return []
  const words: string[] = []
  await client.query("begin isolation level read committed")
  try {
    await client.query("create temporary table pgtrail_asked (value text) on commit drop")
    const copy = client.query(copyFrom("copy pg_temp.pgtrail_asked from stdin"))
    copy.end(identifiers.map((one) => `${escaped(bare(one))}\n`).join(""))
    await once(copy, "finish")
    for (const { name, profile, readable } of tables) {
      if (readable !== "t") {
        words.push(
          `${name} of profile ${profile} was not searched: this role may not read it; as one that may: ${lookFor(name)}`,
        )
        continue
      }
      const { rows } = await client.query<{ rows: string }>(countIn(name))
      const count = rows[0]?.rows ?? "0"
      if (count === "0") continue
      words.push(
        `${plural(count, "row")} of ${name}, a table of profile ${profile} beside its events, ${count === "1" ? "has" : "have"} an identifier, and no erasure of the log touches ${count === "1" ? "it" : "them"}: ${lookFor(name)}; what is to go is deleted there`,
      )
    }
    return words
  } finally {
    await client.query("rollback").catch(() => undefined)
  }
}

/** An identifier of one or two characters is compared with whole values alone: it stands in every other word. */
const countIn = (table: string): string => `with asked as materialized (
    select pgtrail.fold_text(a.value) as value from pg_temp.pgtrail_asked a where length(a.value) >= 3
  ), short as materialized (
    select pgtrail.fold_text(a.value) as value from pg_temp.pgtrail_asked a where length(a.value) < 3
  )
  select count(*) as rows from ${table} t,
    lateral (select array_agg(pgtrail.fold_text(j.value #>> '{}')) as texts
      from jsonb_path_query(to_jsonb(t), 'strict $.**') j (value) where jsonb_typeof(j.value) in ('string', 'number')) v
  where exists (select from unnest(v.texts) x join asked a on strpos(x, a.value) > 0)
    or exists (select from short s where s.value = any (v.texts))
    or exists (select from jsonb_path_query(to_jsonb(t), 'strict $.**{1 to last} ? (@.type() == "object").keyvalue()') k (pair)
      join asked a on strpos(pgtrail.fold_text(k.pair ->> 'key'), a.value) > 0)`

const lookFor = (table: string): string =>
  `select * from ${table} t where strpos(lower(to_jsonb(t)::text), lower('ID')) > 0`

const bare = ({ kind, value }: Identifier): string =>
  kind === "resource"
    ? value.slice(value.indexOf("/") + 1)
    : kind === "ip"
      ? value.replace(/\/(32|128)$/, "")
      : value
