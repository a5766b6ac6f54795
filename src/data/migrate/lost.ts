// What goes when a log is taken away, so that it can be said before, and kept on paper after.
import type { ClientBase } from "pg"
import { headsDigest } from "../canonical.js"
import { goneTable } from "../purge/gone.js"
import { writeTime } from "../query/columns.js"

export interface LostLog {
  readonly log_id: string
  /** By the heads, less what was purged. */
  readonly events: string
  readonly organizations: string
  readonly lanes: string
  readonly acts: string
  /** The act chain's newest: seq and hash in hex; null where there is none. */
  readonly last_act: { readonly seq: string; readonly hash: string } | null
  /** sha256 of all heads, in hex, as checkpoints have it. */
  readonly heads_digest: string
  /** The newest; null where none was made. */
  readonly checkpoint: { readonly act: string; readonly recorded_at: string } | null
  /** Views outside the schema that read the log: they go with it. */
  readonly dependents: readonly string[]
}

interface Head {
  readonly organization_id: string
  readonly lane: string
  readonly seq: string
  readonly hash: string
}

export async function whatIsLost(client: ClientBase): Promise<LostLog> {
  const heads = await client.query<Head>(
    `select distinct on (h.organization_id collate "C", h.lane) h.organization_id, h.lane, h.seq, h.hash
     from pgtrail.chain_head h where h.seq > 0
     order by h.organization_id collate "C", h.lane, h.seq desc`,
  )
  const [log] = (
    await client.query<{
      log_id: string | null
      acts: string
      seq: string | null
      hash: string | null
      checkpoint: string | null
      made: string | null
    }>(
      `select (select min(l.log_id::text) from pgtrail.log l) as log_id, (select count(*) from pgtrail.act) as acts, a.seq, encode(a.hash, 'hex') as hash,
         c.seq as checkpoint, c.recorded_at as made
       from (select) one
       left join lateral (select seq, hash from pgtrail.act order by seq desc limit 1) a on true
       left join lateral (select seq, recorded_at from pgtrail.act where kind = 'checkpoint' order by seq desc limit 1) c on true`,
    )
  ).rows
  const appended = heads.rows.reduce((sum, head) => sum + BigInt(head.seq), 0n)
  const { seq = null, hash = null, checkpoint = null, made = null } = log ?? {}
  return {
    log_id: log?.log_id ?? "",
    events: String(appended - BigInt(await purged(client))),
    organizations: String(new Set(heads.rows.map((head) => head.organization_id)).size),
    lanes: String(heads.rows.length),
    acts: log?.acts ?? "0",
    last_act: seq === null || hash === null ? null : { seq, hash },
    heads_digest: headsDigest(heads.rows),
    checkpoint:
      checkpoint === null || made === null ? null : { act: checkpoint, recorded_at: writeTime(made) },
    dependents: await dependents(client),
  }
}

/** An older log has no records of purges. */
async function purged(client: ClientBase): Promise<string> {
  const { rows: there } = await client.query(
    "select from pg_class where oid = pg_catalog.to_regclass('pgtrail.purge')",
  )
  if (there.length === 0) return "0"
  const { rows } = await client.query<{ events: string }>(
    `select coalesce(sum(p.events), 0) as events from ${goneTable} p`,
  )
  return rows[0]?.events ?? "0"
}

/** Whatever outside of the schema depends on what is in it, by whom else it was made: views, functions, columns, foreign keys, publications. */
async function dependents(client: ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `with space as (
       select n.oid from pg_namespace n where n.nspname = 'pgtrail'
     ), own as (
       select 'pg_class'::regclass as class, c.oid from pg_class c join space s on s.oid = c.relnamespace
       union all select 'pg_proc'::regclass, p.oid from pg_proc p join space s on s.oid = p.pronamespace
       union all select 'pg_type'::regclass, t.oid from pg_type t join space s on s.oid = t.typnamespace
     ), found as (
       select distinct d.classid, d.objid, d.objsubid
       from pg_depend d
       join own o on o.class = d.refclassid and o.oid = d.refobjid
       where d.deptype in ('n', 'a')
     ), placed as (
       select f.*, w.ev_class, case f.classid
           when 'pg_class'::regclass then (select c.relnamespace from pg_class c where c.oid = f.objid)
           when 'pg_proc'::regclass then (select p.pronamespace from pg_proc p where p.oid = f.objid)
           when 'pg_type'::regclass then (select t.typnamespace from pg_type t where t.oid = f.objid)
           when 'pg_constraint'::regclass then (select c.connamespace from pg_constraint c where c.oid = f.objid)
           when 'pg_rewrite'::regclass then (select c.relnamespace from pg_class c where c.oid = w.ev_class)
           when 'pg_trigger'::regclass then (select c.relnamespace from pg_trigger t join pg_class c on c.oid = t.tgrelid where t.oid = f.objid)
           when 'pg_attrdef'::regclass then (select c.relnamespace from pg_attrdef t join pg_class c on c.oid = t.adrelid where t.oid = f.objid)
           when 'pg_policy'::regclass then (select c.relnamespace from pg_policy t join pg_class c on c.oid = t.polrelid where t.oid = f.objid)
           when 'pg_statistic_ext'::regclass then (select t.stxnamespace from pg_statistic_ext t where t.oid = f.objid)
         end as namespace
       from found f
       left join pg_rewrite w on f.classid = 'pg_rewrite'::regclass and w.oid = f.objid
     )
     select distinct case when p.ev_class is null then pg_describe_object(p.classid, p.objid, p.objsubid)
         else (select case c.relkind when 'm' then 'materialized view ' when 'v' then 'view ' else 'table ' end from pg_class c where c.oid = p.ev_class)
           || p.ev_class::regclass end as name
     from placed p
     where p.namespace is distinct from (select s.oid from space s)
     order by 1`,
  )
  return rows.map((row) => row.name)
}
