// Compares guards and functions with what this pgtrail ships: it needs no stored description, which the owner could have forged.
import type { ClientBase } from "pg"
import type { Version } from "../sql-files.js"
import type { Difference } from "./catalog-difference.js"
import { detachedPartitions } from "./detached.js"
import { foreignCode } from "./foreign.js"
import { attributesSql, hashSql, shippedFunctions } from "./functions.js"

/**
 * The guards must be there, whoever migrated; the functions must be those of `shipped`, undefined where another pgtrail migrated: its
 * functions are its own. `reported`: objects of which something was told already.
 */
export async function compareShipped(
  client: ClientBase,
  shipped: Version | undefined,
  reported: ReadonlySet<string>,
): Promise<Difference[]> {
  const guards = await compareGuards(client)
  const foreign = await compareForeign(client)
  const functions = shipped === undefined ? [] : await compareFunctions(client, shipped)
  return [...guards, ...foreign, ...functions].filter(({ object }) => !reported.has(object))
}

/** Triggers, rules, expressions and views of anybody else, which a forged description would have as what must be. */
export async function compareForeign(client: ClientBase): Promise<Difference[]> {
  return (await foreignCode(client)).map(({ object, what }) => {
    const message = `${object}: ${what} runs code that is not pgtrail's`
    return {
      kind: "catalog_changed",
      object,
      what,
      expected: null,
      actual: `${what}, with code that is not pgtrail's`,
      message,
      evidence: message,
    }
  })
}

async function compareGuards(client: ClientBase): Promise<Difference[]> {
  const detached = (await detachedPartitions(client)).map(({ oid }) => oid)
  const { rows } = await client.query<{ object: string; trigger: string; live: string | null }>(
    `select case when c.oid = any ($1::oid[]) and exists (select from pg_trigger g where g.tgrelid = c.oid and g.tgname = 'pgtrail_closed')
           then 'detached ' when c.oid = e.oid or i.inhrelid is null then 'table ' else 'partition ' end
         || case when n.nspname = 'pgtrail' then '' else n.nspname || '.' end || c.relname as object, w.name as trigger,
       (select string_agg(format('%s %s %s %s', g.tgfoid, g.tgtype, g.tgenabled, md5(g.tgqual::text)), '; ' order by g.oid)
        from pg_trigger g where g.tgrelid = c.oid and g.tgname = w.name) as live
     from (values ('pgtrail_guard', 'guard', 58), ('pgtrail_seal', 'seal_event', 7), ('pgtrail_signature', 'check_signature', 5),
         ('pgtrail_closed', 'guard', 6), ('pgtrail_recorded', 'check_redacting', 5))
       w (name, function, type)
     -- Looked up once, and not for each relation of the database.
     cross join (select to_regclass('pgtrail.event')::oid as oid, to_regclass('pgtrail.act')::oid as act,
         to_regclass('pgtrail.act_signature') is not null as can_sign,
         array[to_regclass('pgtrail.act'), to_regclass('pgtrail.log'), to_regclass('pgtrail.incarnation'), to_regclass('pgtrail.loss'),
           to_regclass('pgtrail.act_signature'), to_regclass('pgtrail.organization_reader'), to_regclass('pgtrail.purge'),
           to_regclass('pgtrail.retention_rule'), to_regclass('pgtrail.hold'), to_regclass('pgtrail.detached_partition'),
           to_regclass('pgtrail.archive'), to_regclass('pgtrail.archive_kind'), to_regclass('pgtrail.redaction_entry'),
           to_regclass('pgtrail.redaction'), to_regclass('pgtrail.subject_rule'), to_regclass('pgtrail.subject_restriction')]::oid[] as others,
         to_regclass('pgtrail.redacting')::oid as redacting
       offset 0) e
     join pg_class c on true
     join pg_namespace n on n.oid = c.relnamespace
     left join pg_inherits i on i.inhrelid = c.oid and i.inhparent = e.oid
     where case w.name
         -- A log of version 0.1 that is yet to be migrated has no signatures.
         when 'pgtrail_signature' then c.oid = e.act and e.can_sign
         when 'pgtrail_recorded' then c.oid = e.redacting
         when 'pgtrail_closed' then c.oid = any ($1::oid[])
         else i.inhrelid is not null or c.oid = e.oid or w.name = 'pgtrail_guard' and c.oid = any (e.others || $1::oid[])
         end
       and not exists (
         select from pg_trigger g join pg_proc p on p.oid = g.tgfoid join pg_namespace m on m.oid = p.pronamespace
         where g.tgrelid = c.oid and g.tgname = w.name and g.tgenabled = 'O' and g.tgtype = w.type and g.tgqual is null
           and g.tgdeferrable = (w.name in ('pgtrail_signature', 'pgtrail_recorded')) and g.tginitdeferred = g.tgdeferrable
           and m.nspname = 'pgtrail' and p.proname = w.function)
     order by 1, 2`,
    [detached],
  )
  return rows.map(({ object, trigger, live }) => {
    const message = `${object}: trigger ${trigger} is missing, disabled or not the one that pgtrail makes`
    return {
      kind: "guard_missing",
      object,
      what: `trigger ${trigger}`,
      expected: `trigger ${trigger}, enabled O, without condition`,
      actual: live === null ? null : `trigger ${trigger}: ${live}`,
      message,
      evidence: `${message} ${live}`,
    }
  })
}

async function compareFunctions(client: ClientBase, shipped: Version): Promise<Difference[]> {
  const functions = shippedFunctions(shipped)
  const { rows } = await client.query<{ name: string; object: string; body: string; attributes: string }>(
    `select p.proname as name, format('function %s(%s)', p.proname, pg_get_function_identity_arguments(p.oid)) as object,
       ${hashSql} as body,
       ${attributesSql} as attributes
     from pg_proc p join pg_namespace n on n.oid = p.pronamespace and n.nspname = 'pgtrail' join pg_language l on l.oid = p.prolang
     where p.prokind <> 'a' order by 2`,
  )
  return rows.flatMap(({ name, object, body, attributes }): Difference[] => {
    const ours = functions.get(name)
    const hash = ours?.hash
    const isBody = hash !== body
    if (!isBody && ours?.attributes === attributes) return []
    const message = `${object} is not the one that this pgtrail ships`
    return [
      {
        kind: "catalog_changed",
        object,
        what: isBody ? "body" : "attributes",
        expected: isBody ? (hash === undefined ? null : `body ${hash}`) : (ours?.attributes ?? null),
        actual: isBody ? `body ${body}` : attributes,
        message,
        evidence: `${message} ${isBody ? body : attributes}`,
      },
    ]
  })
}
