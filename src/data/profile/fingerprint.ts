// What the objects of a profile are made of, as digests in the act that installed it: so that what was changed by hand shows, and what of it.
import { literal } from "../migrate/script.js"
import { heldNames } from "./held.js"
import type { Place, Profile } from "./shape.js"
import { objectsOf } from "./sql.js"

/** Of one object: a digest by what it is of (definition, body, options, owner), or one for each column, constraint, index and trigger. */
export type Facts = Readonly<Record<string, string | Readonly<Record<string, string>>>>

/** By the catalog and by names: who asks need not have the right to look into the schema. */
function found(profile: Profile, place: Place, more = ""): string {
  const rows = objectsOf(profile).map(({ name, kind, signature = "()" }) => {
    const types = signature
      .slice(1, -1)
      .split(",")
      .filter((type) => type !== "")
    return `(${literal(name)}, ${literal(kind)}, array[${types.map((type) => `to_regtype(${literal(type.trim())})`).join(", ")}]::oid[])`
  })
  return `from (values ${rows.join(", ")}) o (name, kind, arguments)
    join pg_namespace s on quote_ident(s.nspname) = ${literal(place.schema)}
    join pg_namespace l on l.nspname = 'pgtrail'
    left join pg_class c on o.kind <> 'function' and c.relnamespace = s.oid and c.relname = o.name
    left join pg_proc p on o.kind = 'function' and p.pronamespace = s.oid and p.proname = o.name
        and string_to_array(p.proargtypes::text, ' ')::oid[] = o.arguments
    ${more}
    where (c.oid is not null or p.oid is not null)`
}

const digest = (said: string) => `left(encode(sha256(convert_to(${said}, 'UTF8')), 'hex'), 32)`

/**
 * A query of one value: an object with the facts of each that is there. Numbers of columns are not among them: a dump numbers anew. NOT NULL is
 * told of the column: from PostgreSQL 18 on it is a constraint too.
 */
export function factsSql(profile: Profile, place: Place): string {
  return `select coalesce(jsonb_object_agg(o.name, (
        select jsonb_strip_nulls(jsonb_build_object(
            'owner', ${digest("case when coalesce(c.relowner, p.proowner) = l.nspowner then 'owner of the log' else pg_get_userbyid(coalesce(c.relowner, p.proowner)) end")},
            'definition', ${digest("case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end")},
            'body', ${digest("p.prosrc")},
            'options', ${digest(`concat_ws(E'\\n', c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity,
                (select string_agg(r, ' ' order by r) from unnest(c.reloptions) r),
                (select concat_ws(' ', q.seqtypid::regtype, q.seqincrement, q.seqmin, q.seqmax, q.seqcycle) from pg_sequence q where q.seqrelid = c.oid),
                p.prokind, p.prosecdef, p.provolatile, p.proretset, p.prorettype::regtype, (select g.lanname from pg_language g where g.oid = p.prolang),
                array_to_string(p.proconfig, '; '))`)},
            'column', (
                select jsonb_object_agg(a.attname, ${digest("concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid))")})
                from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
                where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and c.relkind <> 'S'),
            'constraint', (
                select jsonb_object_agg(t.conname, ${digest("concat_ws(' ', pg_get_constraintdef(t.oid), t.convalidated)")})
                from pg_constraint t where t.conrelid = c.oid and t.contype in ('c', 'f', 'p', 'u', 'x')),
            'unique index', (
                select jsonb_object_agg(i.relname, ${digest("concat_ws(' ', pg_get_indexdef(x.indexrelid), x.indisvalid)")})
                from pg_index x join pg_class i on i.oid = x.indexrelid
                where x.indrelid = c.oid and x.indisunique and not exists (select from pg_constraint t where t.conindid = x.indexrelid)),
            -- A rule could swallow what is inserted.
            'rule', (
                select jsonb_object_agg(w.rulename, concat_ws(' ', w.ev_type, w.ev_enabled, w.is_instead))
                from pg_rewrite w where w.ev_class = c.oid and w.rulename <> '_RETURN'),
            'trigger', (
                select jsonb_object_agg(g.tgname, ${digest("concat_ws(' ', e.nspname, h.proname, g.tgtype, g.tgenabled, g.tgattr::text <> '', encode(g.tgargs, 'hex'), pg_get_expr(g.tgqual, g.tgrelid))")})
                from pg_trigger g join pg_proc h on h.oid = g.tgfoid join pg_namespace e on e.oid = h.pronamespace
                where g.tgrelid = c.oid and not g.tgisinternal and (c.relkind = 'v' or g.tgname like 'pgtrail%'))))
    )), '{}')
    ${found(profile, place)}`
}

/** The same as acts told it before they told facts: one digest of each object. Of a table only its triggers of ours, of a sequence that it is. */
export function fingerprintsSql(profile: Profile, place: Place): string {
  return `select coalesce(jsonb_object_agg(o.name, encode(sha256(convert_to(concat_ws(E'\\n',
        case when c.relkind = 'v' then pg_get_viewdef(c.oid) end, c.relkind, pg_get_userbyid(coalesce(c.relowner, p.proowner)),
        (select string_agg(concat_ws(' ', g.tgname, g.tgfoid::regprocedure, g.tgtype, g.tgenabled), '; ' order by g.tgname)
            from pg_trigger g where g.tgrelid = c.oid and (c.relkind = 'v' or g.tgname like 'pgtrail%')),
        (select string_agg(o, ' ' order by o) from unnest(c.reloptions) o where c.relkind = 'v'),
        (select string_agg(concat_ws(' ', d.adnum, pg_get_expr(d.adbin, d.adrelid)), '; ' order by d.adnum)
            from pg_attrdef d where d.adrelid = c.oid and c.relkind = 'v'),
        p.prosrc, p.prosecdef, array_to_string(p.proconfig, '; ')), 'UTF8')), 'hex')), '{}')
    ${found(profile, place)}`
}

/** A query of rows: who has which right on which object, beside the owner of the log; and the owner, where it is to have SELECT alone. */
export function rightsSql(profile: Profile, place: Place): string {
  const granted = `cross join lateral (
        select x.grantee, x.privilege_type, null::name as column_name
        from aclexplode(coalesce(c.relacl, p.proacl, acldefault(
            case when p.oid is not null then 'f'::"char" when c.relkind = 'S' then 's' else 'r' end, coalesce(c.relowner, p.proowner)))) x
        union all
        select x.grantee, x.privilege_type, t.attname
        from pg_attribute t cross join lateral aclexplode(t.attacl) x where t.attrelid = c.oid and not t.attisdropped
    ) a`
  return `select o.name, case a.grantee when 0 then 'public' else pg_get_userbyid(a.grantee) end as role, a.grantee = 0 as everybody,
        a.privilege_type || coalesce(' (' || a.column_name || ')', '') as right
    ${found(profile, place, granted)}
        and (a.grantee <> coalesce(c.relowner, p.proowner) or o.name in (${heldNames(profile).map(literal).join(", ")}) and a.privilege_type <> 'SELECT')
    order by 1, 2, 4`
}

/** What an object that stays is to be, as the newest act tells. */
export interface Carried {
  /** Of tables: what somebody added since is taken in; what he took away or changed stays told. */
  readonly tables: Readonly<Record<string, Facts>>
  /** Of views, which the script makes anew but for triggers and rules that others put there: these stay told. */
  readonly views: Readonly<Record<string, Facts>>
}

/** A query of the facts to record. */
export function carriedSql(facts: string, { tables, views }: Carried): string {
  if (Object.keys(tables).length + Object.keys(views).length === 0) return `(${facts})`
  return `(
        select jsonb_object_agg(n.key, coalesce((
            select jsonb_object_agg(coalesce(f.key, w.key), case when jsonb_typeof(f.value) = 'object' then f.value || coalesce(w.value, '{}') else coalesce(w.value, f.value) end)
            from jsonb_each(n.value) f full join jsonb_each(k.value) w on w.key = f.key
            where k.value is not null), n.value || coalesce(v.value, '{}')))
        from jsonb_each((${facts})) n
        left join jsonb_each(${literal(JSON.stringify(tables))}::jsonb) k on k.key = n.key
        left join jsonb_each(${literal(JSON.stringify(views))}::jsonb) v on v.key = n.key)`
}
