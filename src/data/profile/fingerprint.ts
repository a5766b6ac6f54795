// What an object of a profile is made of, as one digest: so that a change by hand shows.
import { literal } from "../migrate/script.js"
import { ident } from "./quote.js"
import type { Place, Profile } from "./shape.js"
import { objectsOf } from "./sql.js"

/** A query of one value: an object with the name and the digest of each that is there. Of a table only its triggers of ours, of a sequence that it is. */
export function fingerprintsSql(profile: Profile, place: Place): string {
  const rows = objectsOf(profile).map(({ name, kind, signature = "" }) => {
    const full = `${place.schema}.${ident(name)}`
    return kind === "function"
      ? `(${literal(name)}, null, to_regprocedure(${literal(full + signature)}))`
      : `(${literal(name)}, to_regclass(${literal(full)}), null)`
  })
  return `select coalesce(jsonb_object_agg(o.name, encode(sha256(convert_to(concat_ws(E'\\n',
        case when c.relkind = 'v' then pg_get_viewdef(c.oid) end, c.relkind, pg_get_userbyid(coalesce(c.relowner, p.proowner)),
        (select string_agg(concat_ws(' ', g.tgname, g.tgfoid::regprocedure, g.tgtype, g.tgenabled), '; ' order by g.tgname)
            from pg_trigger g where g.tgrelid = c.oid and (c.relkind = 'v' or g.tgname like 'pgtrail%')),
        (select string_agg(o, ' ' order by o) from unnest(c.reloptions) o where c.relkind = 'v'),
        (select string_agg(concat_ws(' ', d.adnum, pg_get_expr(d.adbin, d.adrelid)), '; ' order by d.adnum)
            from pg_attrdef d where d.adrelid = c.oid and c.relkind = 'v'),
        p.prosrc, p.prosecdef, array_to_string(p.proconfig, '; ')), 'UTF8')), 'hex')), '{}')
    from (values ${rows.join(", ")}) o (name, relation, function)
    left join pg_class c on c.oid = o.relation::regclass
    left join pg_proc p on p.oid = o.function::regprocedure
    where c.oid is not null or p.oid is not null`
}
