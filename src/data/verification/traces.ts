// What the system catalogs still show of a change to the log's tables, triggers and functions: rows that a later transaction wrote.
import type { ClientBase } from "pg"
import { writeTime } from "../query/columns.js"
import type { RecordedFinding } from "./list.js"
import { isLater } from "./surroundings.js"

export interface CatalogTrace {
  readonly catalog: "pg_class" | "pg_trigger" | "pg_proc"
  /** As verify names it: "table act", "partition event_2026_11". */
  readonly object: string
  /** Of the trigger; else of the object. */
  readonly name: string
  readonly oid: string
  readonly xmin: string
  readonly commit_time: string | null
  /** What most of its siblings have. */
  readonly siblings_xmin: string | null
  /** A later transaction wrote it than its siblings. */
  readonly odd: boolean
}

/** A table that says it has rules and has none: one was there, and has been dropped since the last VACUUM. */
export interface GhostRule {
  readonly object: string
  readonly oid: string
  readonly xmin: string
}

const most = 200

/** Of tables as sql/catalog.sql names them. */
const relation = `relation as (
  select c.oid, c.xmin, c.relhasrules,
    case when exists (select from pg_inherits i where i.inhrelid = c.oid and i.inhparent = to_regclass('pgtrail.event'))
      then 'partition ' else 'table ' end || case when n.nspname = 'pgtrail' then '' else n.nspname || '.' end || c.relname as object
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'v', 'm', 'f') and (n.nspname = 'pgtrail' or exists (
    select from pg_inherits i join pg_class p on p.oid = i.inhparent
    join pg_namespace m on m.oid = p.relnamespace and m.nspname = 'pgtrail' where i.inhrelid = c.oid)))`

export async function ghostRules(client: ClientBase): Promise<GhostRule[]> {
  const { rows } = await client.query<GhostRule>(
    `with ${relation} select r.object, r.oid, r.xmin from relation r
     where r.relhasrules and not exists (select from pg_rewrite w where w.ev_class = r.oid) order by r.object`,
  )
  return rows
}

interface Raw {
  readonly catalog: CatalogTrace["catalog"]
  readonly object: string
  readonly name: string
  readonly oid: string
  readonly xmin: string
}

/** Of the objects that the findings name, and of whatever else a later transaction wrote than its siblings. */
export async function catalogTraces(
  client: ClientBase,
  findings: readonly RecordedFinding[],
  commitTimes: boolean,
): Promise<CatalogTrace[]> {
  const about = findings.filter(({ kind }) => kind === "guard_missing" || kind === "catalog_changed")
  if (about.length === 0) return []
  const { rows } = await client.query<Raw>(
    `with ${relation}
     select 'pg_class' as catalog, r.object, r.object as name, r.oid, r.xmin from relation r
     union all
     select 'pg_trigger', r.object, g.tgname, g.oid, g.xmin from relation r join pg_trigger g on g.tgrelid = r.oid
     union all
     select 'pg_proc', f.object, f.object, f.oid, f.xmin from (
       select p.oid, p.xmin, format('function %s(%s)', p.proname, pg_get_function_identity_arguments(p.oid)) as object
       from pg_proc p join pg_namespace n on n.oid = p.pronamespace and n.nspname = 'pgtrail') f
     order by 1, 2, 3`,
  )
  const named = (object: string): boolean =>
    about.some(({ message }) => message.startsWith(`${object}:`) || message.startsWith(`${object} `))
  const siblings = new Siblings(rows)
  const traces = rows
    .map((row) => ({ ...row, ...siblings.compare(row), commit_time: null }))
    .filter((trace) => trace.odd || named(trace.object))
    .sort((a, b) => Number(b.odd) - Number(a.odd))
    .slice(0, most)
  return commitTimes ? withTimes(client, traces) : traces
}

/** Siblings of a function are all functions: each migration replaces them together. Of a trigger: those of its table, and its namesakes. */
class Siblings {
  readonly #rows: readonly Raw[]
  readonly #functions: string | null

  constructor(rows: readonly Raw[]) {
    this.#rows = rows
    this.#functions = mode(rows.filter(({ catalog }) => catalog === "pg_proc"))
  }

  compare(row: Raw): Pick<CatalogTrace, "siblings_xmin" | "odd"> {
    if (row.catalog === "pg_class") return { siblings_xmin: null, odd: false }
    if (row.catalog === "pg_proc") {
      const common = this.#functions
      return { siblings_xmin: common, odd: common !== null && isLater(row.xmin, common) }
    }
    const triggers = this.#rows.filter((other) => other.catalog === "pg_trigger" && other.oid !== row.oid)
    const beside = triggers.filter((other) => other.object === row.object)
    const namesakes = triggers.filter((other) => other.name === row.name)
    // Those of one table are made together; tables and partitions at different times, so a namesake with the same xmin clears it.
    const common = mode(beside) ?? mode(namesakes)
    const cleared = beside.length === 0 && namesakes.some((other) => other.xmin === row.xmin)
    return { siblings_xmin: common, odd: common !== null && !cleared && isLater(row.xmin, common) }
  }
}

/** The xmin that most have. */
function mode(rows: readonly Raw[]): string | null {
  const counts = new Map<string, number>()
  for (const { xmin } of rows) counts.set(xmin, (counts.get(xmin) ?? 0) + 1)
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? null
}

async function withTimes(client: ClientBase, traces: readonly CatalogTrace[]): Promise<CatalogTrace[]> {
  const { rows } = await client.query<{ xmin: string; time: string | null }>(
    "select x as xmin, pg_xact_commit_timestamp(x) as time from unnest($1::xid[]) x",
    [[...new Set(traces.map(({ xmin }) => xmin))]],
  )
  const times = new Map(rows.map(({ xmin, time }) => [xmin, writeTime(time)]))
  return traces.map((trace) => ({ ...trace, commit_time: times.get(trace.xmin) ?? null }))
}
