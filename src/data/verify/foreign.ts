// Code of somebody else's that runs when the log is read or written, found by the server's catalogs alone: nothing of the log is read
// for it, nor any description that its owner could have forged. Reading a table is enough to run an expression of its indexes.
import type { ClientBase } from "pg"
import { TrailError } from "../errors.js"
import type { Asking } from "../session.js"
import { findVersion, migrations } from "../sql-files.js"
import { attributesSql, hashSql, shippedFunctions } from "./functions.js"

export interface ForeignCode {
  /** `table setting`, `partition event_2026_11`. */
  readonly object: string
  /** `index setting_x`, `rule x`. */
  readonly what: string
  /** Whether it runs when the table is only read. */
  readonly on_read: string
}

/** What a superuser wrote is trusted where it only reads: he needs no trap. */
export async function foreignCode(client: ClientBase): Promise<ForeignCode[]> {
  const { rows } = await client.query<ForeignCode>(query, [tables()])
  return rows
}

/**
 * Of a superuser's session: throws where the owner of the log would run his own code in it. Others than superusers lend him little, and
 * are told by verify.
 */
export async function refuseTraps(client: ClientBase): Promise<void> {
  const traps = (await foreignCode(client)).filter((one) => one.on_read === "t")
  if (traps.length === 0) return
  const named = traps.slice(0, 3).map(({ object, what }) => `${object}: ${what}`)
  const more = traps.length > 3 ? `, and ${traps.length - 3} more` : ""
  throw new TrailError(
    "config",
    `the log has code that is not pgtrail's and would run with a superuser's rights: ${named.join(", ")}${more}`,
    {
      hint: "nothing was read or changed; drop it, or connect as a role that is no superuser: pgtrail verify tells all that differs",
    },
  )
}

/**
 * Before a function of the log is called: of a superuser's session, throws where it is none of pgtrail's. The owner can replace it, and
 * what he writes would run with a superuser's rights.
 */
export async function refuseForeignFunctions(client: Asking): Promise<void> {
  const { rows } = await client.query<{ name: string; hash: string; attributes: string }>(
    `select p.proname as name, ${hashSql} as hash, ${attributesSql} as attributes
     from pg_proc p
     join pg_language l on l.oid = p.prolang
     join pg_roles w on w.oid = p.proowner and not w.rolsuper
     join pg_roles u on u.rolname = session_user and u.rolsuper
     where p.pronamespace = to_regnamespace('pgtrail') and p.prokind = 'f' order by 1`,
  )
  if (rows.length === 0) return
  const odd = rows.find(
    ({ name, hash, attributes }) =>
      findVersion((version) => {
        const ours = shippedFunctions(version).get(name)
        return ours?.hash === hash && ours.attributes === attributes
      }) === undefined,
  )
  if (odd === undefined) return
  throw new TrailError(
    "config",
    `the function pgtrail.${odd.name} is none that this pgtrail ships, and would run with a superuser's rights`,
    {
      hint: "nothing was changed; where another version of pgtrail installed it: pgtrail migrate up; else see pgtrail migrate validate, or connect as a role that is no superuser",
    },
  )
}

const tables = (): string[] =>
  migrations().flatMap(({ sql }) =>
    [...sql.matchAll(/^create table pgtrail\.(\w+)/gm)].map(([, name = ""]) => name),
  )

const query = `
with recursive relation (oid, name, kind, shown, type) as (
  select c.oid, c.relname::text, c.relkind, c.relname::text, case when exists (select from pg_inherits i
    where i.inhrelid = c.oid and i.inhparent = to_regclass('pgtrail.event')) then 'partition ' else 'table ' end
  from pg_class c where c.relnamespace = to_regnamespace('pgtrail') and c.relkind in ('r', 'p', 'v', 'm', 'f')
  union
  select c.oid, null, c.relkind, n.nspname || '.' || c.relname, 'partition '
  from relation r
  join pg_inherits i on i.inhparent = r.oid
  join pg_class c on c.oid = i.inhrelid and c.relkind in ('r', 'p', 'f')
  join pg_namespace n on n.oid = c.relnamespace and n.nspname <> 'pgtrail'
), part (relation, classid, objid, what, on_read) as (
  select r.oid, 'pg_class'::regclass, i.indexrelid, 'index ' || c.relname, true
  from relation r join pg_index i on i.indrelid = r.oid join pg_class c on c.oid = i.indexrelid
  union all
  select r.oid, 'pg_constraint'::regclass, c.oid, 'constraint ' || c.conname, true
  from relation r join pg_constraint c on c.conrelid = r.oid
  union all
  select r.oid, 'pg_statistic_ext'::regclass, s.oid, 'statistics ' || s.stxname, true
  from relation r join pg_statistic_ext s on s.stxrelid = r.oid
  union all
  select r.oid, 'pg_class'::regclass, r.oid, 'partition key', true from relation r where r.kind = 'p'
  union all
  select r.oid, 'pg_attrdef'::regclass, d.oid, 'default of ' || a.attname, false
  from relation r join pg_attrdef d on d.adrelid = r.oid join pg_attribute a on a.attrelid = r.oid and a.attnum = d.adnum
), called (relation, what, on_read) as (
  select p.relation, p.what, p.on_read
  from part p
  join pg_depend d on d.classid = p.classid and d.objid = p.objid and d.refclassid in ('pg_proc'::regclass, 'pg_operator'::regclass)
  join pg_proc f on f.oid = case when d.refclassid = 'pg_proc'::regclass then d.refobjid
    else (select o.oprcode from pg_operator o where o.oid = d.refobjid) end
  join pg_roles w on w.oid = f.proowner and not w.rolsuper
  where not (p.classid = 'pg_attrdef'::regclass and f.oid = to_regprocedure('pgtrail.generate_id()'))
  union
  select r.oid, 'type of ' || a.attname, true
  from relation r
  join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
  join pg_type t on t.oid = a.atttypid
  join pg_roles w on w.oid = t.typowner and not w.rolsuper
  where r.kind <> 'v'
  union all
  select r.oid, case r.kind when 'f' then 'a foreign table' when 'm' then 'a materialized view' else 'a view' end, true
  from relation r where r.kind not in ('r', 'p') and (r.name is null or r.name = any ($1) or r.type = 'partition ')
  union all
  select r.oid, 'trigger ' || g.tgname, false
  from relation r
  join pg_trigger g on g.tgrelid = r.oid
  join pg_proc f on f.oid = g.tgfoid
  where not (f.pronamespace = to_regnamespace('pgtrail') and (g.tgname, f.proname) in (
      ('pgtrail_guard', 'guard'), ('pgtrail_closed', 'guard'), ('pgtrail_seal', 'seal_event'), ('pgtrail_signature', 'check_signature'),
      ('pgtrail_recorded', 'check_redacting')))
    and not (g.tgisinternal and f.pronamespace = 'pg_catalog'::regnamespace)
  union all
  select r.oid, 'rule ' || w.rulename, false
  from relation r join pg_rewrite w on w.ev_class = r.oid and w.ev_type <> '1'
  union all
  select r.oid, 'policy ' || p.polname, false
  from relation r join pg_policy p on p.polrelid = r.oid
)
select r.type || r.shown as object, c.what, c.on_read
from called c join relation r on r.oid = c.relation
order by c.on_read desc, 1, 2`
