// The tables and partitions of a log as a snapshot sees them, and the lock by which they stay so while they are read.
import type { Client } from "pg"
import { TrailError } from "../errors.js"
import { eventColumns } from "../event-columns.js"
import { migrations } from "../sql-files.js"

export interface Relation {
  readonly name: string
  /** Qualified, and quoted by the server. */
  readonly quoted: string
  readonly kind: "table" | "partition" | "detached"
  readonly isDefault: boolean
  readonly since: string | null
  readonly until: string | null
  /** What the snapshot sees; another now means that the table was made anew since. */
  readonly oid: string
  readonly filenode: string
  /** With indexes, in bytes. */
  readonly size: bigint
  readonly columns: readonly string[]
  /** Of the primary key, as they stand in ORDER BY. */
  readonly key: readonly string[]
}

interface Row {
  readonly oid: string
  readonly filenode: string
  readonly name: string
  readonly quoted: string
  readonly schema: string
  readonly relkind: string
  readonly bound: string | null
  readonly since: string | null
  readonly until: string | null
  readonly detached: string
  readonly size: string | null
  readonly columns: string
  readonly key: string
}

/** Sorted by name. What is none of the log's is told, and left out. */
export async function readRelations(
  client: Client,
  level: number,
): Promise<{ readonly relations: readonly Relation[]; readonly warnings: readonly string[] }> {
  const known = new Set(
    migrations()
      .filter(({ number }) => number <= level)
      .flatMap(({ sql }) => [...sql.matchAll(/^create table pgtrail\.(\w+)/gm)].map(([, name = ""]) => name)),
  )
  const detached = known.has("detached_partition")
    ? `(select d.name, d.since::text, d.until::text from pgtrail.detached_partition d)`
    : "(select null::text as name, null::text as since, null::text as until where false)"
  const { rows } = await client.query<Row>(
    `select c.oid::text, c.relfilenode::text as filenode, c.relname as name, format('%I.%I', n.nspname, c.relname) as quoted,
        n.nspname as schema, c.relkind, case when i.inhrelid is not null then pg_get_expr(c.relpartbound, 0) end as bound,
        d.since, d.until, d.name is not null as detached, pg_total_relation_size(c.oid) as size,
        (select json_agg(a.attname order by a.attnum) from pg_attribute a
         where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns,
        coalesce((
          select json_agg(format('%I', a.attname) || case when a.attcollation <> 0 then ' collate "C"' else '' end order by k.place)
          from pg_index x, unnest(x.indkey::smallint[]) with ordinality k (attnum, place), pg_attribute a
          where x.indrelid = c.oid and x.indisprimary and a.attrelid = c.oid and a.attnum = k.attnum), '[]') as key
     from pg_class c
     join pg_namespace n on n.oid = c.relnamespace
     left join pg_inherits i on i.inhrelid = c.oid and i.inhparent = 'pgtrail.event'::regclass
     left join ${detached} d on d.name = c.relname and n.nspname = 'pgtrail' and c.relkind = 'r' and i.inhrelid is null
     where i.inhrelid is not null or n.nspname = 'pgtrail' and c.relkind = 'r'
     order by c.relname collate "C"`,
  )
  const strange: string[] = []
  const strangeColumns: string[] = []
  const relations: Relation[] = []
  for (const row of rows) {
    const kind = row.bound !== null ? "partition" : row.detached === "t" ? "detached" : "table"
    if (kind === "table" && !known.has(row.name)) {
      strange.push(row.name)
      continue
    }
    if (row.schema !== "pgtrail" || row.relkind !== "r") throw notOrdinary(row.quoted)
    const all: string[] = JSON.parse(row.columns)
    // A column that nobody but a stranger makes has no place in a manifest; verify tells of every one.
    const odd = all.filter((column) => !/^[a-z_][a-z0-9_]{0,62}$/.test(column))
    if (kind === "table" && odd.length > 0) strangeColumns.push(row.name)
    relations.push({
      name: row.name,
      quoted: row.quoted,
      kind,
      isDefault: row.bound === "DEFAULT",
      ...boundsOf(row),
      oid: row.oid,
      filenode: row.filenode,
      size: BigInt(row.size ?? "0"),
      columns: kind === "table" ? all.filter((column) => !odd.includes(column)) : eventColumns,
      key: JSON.parse(row.key),
    })
  }
  const names = new Set(relations.map(({ name }) => name))
  const missing = [...known].filter((name) => name !== "event" && !names.has(name))
  return {
    relations,
    warnings: [
      ...strange.map((name) => `the table pgtrail.${name} is none of pgtrail's: it is not in the backup`),
      ...strangeColumns.map(
        (name) => `the table pgtrail.${name} has a column that is none of pgtrail's: it is not in the backup`,
      ),
      ...missing.map((name) => `the log has no table pgtrail.${name}: run pgtrail verify`),
    ],
  }
}

/** As PostgreSQL writes them, open ends as infinity; of DEFAULT, and of a table, none. */
function boundsOf({ bound, since, until }: Row): Pick<Relation, "since" | "until"> {
  if (bound === null) return { since, until }
  const [, from, to] = /^FOR VALUES FROM \((.*)\) TO \((.*)\)$/.exec(bound) ?? []
  const end = (text: string | undefined, open: string, infinite: string): string | null =>
    text === undefined ? null : text === open ? infinite : text.replace(/^'(.*)'$/, "$1")
  return { since: end(from, "MINVALUE", "-infinity"), until: end(to, "MAXVALUE", "infinity") }
}

const notOrdinary = (quoted: string): TrailError =>
  new TrailError("config", `the partition ${quoted} is no ordinary table of the schema pgtrail`, {
    hint: "nothing was backed up; pgtrail verify tells what differs from the log that was installed",
  })

/** That a table or partition is no more what the snapshot saw: begin again on a fresh one. */
export class ChangedMeanwhile extends TrailError {
  constructor(name: string, cause?: unknown) {
    super("retry", `${name} was made anew or dropped while the log was backed up`, {
      hint: "what was written stays for the next run: run it again with --incremental",
      cause,
    })
  }
}

/** Takes the lock by which a table stays what it is, and throws ChangedMeanwhile where it is not what the snapshot saw any more. */
export async function holdRelation(client: Client, { name, quoted, oid, filenode }: Relation): Promise<void> {
  try {
    await client.query(`lock table only ${quoted} in access share mode`)
  } catch (error) {
    const { code } = error as { code?: unknown }
    if (code === "42P01") throw new ChangedMeanwhile(name, error)
    if (code === "55P03") throw lockedByOthers(name, error)
    throw error
  }
  // These look into the catalog as it is now, and not as the snapshot sees it.
  const { rows } = await client.query<{ oid: string; filenode: string | null }>(
    "select $1::text::regclass::oid::text as oid, pg_relation_filenode($1::text::regclass)::text as filenode",
    [quoted],
  )
  if (rows[0]?.oid !== oid || rows[0].filenode !== filenode) throw new ChangedMeanwhile(name)
}

/** How long somebody may keep a table of the log from being read. */
export const lockPatience = "set lock_timeout = '60s'"

export const lockedByOthers = (name: string, cause: unknown): TrailError =>
  new TrailError("lock-timeout", `another session has had ${name} locked for a minute`, {
    hint: "nothing was changed; select pg_blocking_pids(pid), query from pg_stat_activity tells which; run it again",
    sqlstate: "55P03",
    cause,
  })
