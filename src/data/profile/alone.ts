// What is on a profile's objects by the catalog and not by its definition: rights that others have, and functions that an earlier pgtrail made.
import { literal } from "../migrate/script.js"
import { quoteBody } from "./quote.js"
import type { Place, Profile } from "./shape.js"
import { mark, objectsOf } from "./sql.js"

const owner = "select r.oid from pg_roles r where r.rolname = current_user"

/**
 * As the owner: nobody else has anything on these objects, or none of these roles, whose names are quoted. ALTER DEFAULT PRIVILEGES gives on what is
 * new what nobody asked for here: a view of all events to whoever reads everything in a schema. By the catalog: functions have the arguments that the
 * pgtrail that made them gave them.
 */
export function aloneSql(
  { schema }: Pick<Place, "schema">,
  names: readonly string[],
  roles?: readonly string[],
): string {
  if (names.length === 0 || roles?.length === 0) return ""
  const all = names.map(literal).join(", ")
  const some = roles === undefined ? "" : ` and g.role in (${roles.map(literal).join(", ")})`
  return quoteBody(
    `declare
    given record;
begin
    for given in
        select distinct o.kind, o.name, g.role
        from (
            select case c.relkind when 'S' then 'sequence' else 'table' end as kind, c.oid::regclass::text as name, c.relnamespace as place, c.relowner as owner, c.relacl as acl
            from pg_class c where c.relkind in ('r', 'v', 'S') and c.relname in (${all})
            union all
            select 'table', c.oid::regclass::text, c.relnamespace, c.relowner, t.attacl
            from pg_attribute t join pg_class c on c.oid = t.attrelid where c.relkind in ('r', 'v') and c.relname in (${all}) and t.attacl is not null
            union all
            select 'function', p.oid::regprocedure::text, p.pronamespace, p.proowner, p.proacl from pg_proc p where p.proname in (${all})) o
        join pg_namespace n on n.oid = o.place and quote_ident(n.nspname) = ${literal(schema)}
        cross join lateral aclexplode(o.acl) a
        cross join lateral (select case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end as role) g
        where o.owner = (${owner}) and a.grantee <> o.owner${some}
    loop
        execute format('revoke all on %s %s from %s', given.kind, given.name, given.role);
    end loop;
end`,
    (quoted) => `do ${quoted};`,
  )
}

/** As the owner: drops the functions of a profile, or those alone that an earlier pgtrail made with other arguments. */
export function dropFunctionsSql(profile: Profile, { schema }: Place, which: "all" | "stale"): string {
  const functions = objectsOf(profile).flatMap(({ name, kind, signature = "()" }) =>
    kind === "function" ? [`(${literal(name)}, ${literal(signature.slice(1, -1))})`] : [],
  )
  return quoteBody(
    `declare
    made text;
begin
    for made in
        select p.oid::regprocedure::text
        from (values ${functions.join(", ")}) f (name, arguments)
        join pg_proc p on p.proname = f.name and p.proowner = (${owner}) and obj_description(p.oid, 'pg_proc') = ${literal(mark(profile))}
        join pg_namespace n on n.oid = p.pronamespace and quote_ident(n.nspname) = ${literal(schema)}
        where ${which === "all"} or string_to_array(p.proargtypes::text, ' ')::oid[] <> array(
            select to_regtype(trim(a.type))::oid from regexp_split_to_table(f.arguments, ',') with ordinality a (type, place) where a.type <> '' order by a.place)
    loop
        execute 'drop function ' || made;
    end loop;
end`,
    (quoted) => `do ${quoted};`,
  )
}
