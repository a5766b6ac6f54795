// What a restriction of a person (Article 18) hides is hidden by the views of a profile too, but from pgtrail_privacy.
import { ident, quoteBody } from "./quote.js"
import type { Place, Profile } from "./shape.js"

export const visibleName = (profile: Pick<Profile, "name">): string =>
  `pgtrail_${profile.name.replaceAll("-", "_")}_visible`
export const visibleArguments = "(text, smallint, bigint, timestamptz)"

/** Whatever an event would have to say for any restriction to hide it, as it is compared: in small letters within documents, without a netmask. */
const restricted = `(select jsonb_object_agg(k.value, null)
            from pgtrail.subject_restriction r,
                lateral (select case r.kind when 'resource' then substr(r.value, strpos(r.value, '/') + 1) else r.value end as value) v,
                lateral (
                    values (v.value), (lower(v.value collate "default")), (case r.kind when 'ip' then host(r.value::inet) end)
                ) k (value)
            where k.value is not null)`

const document =
  "case u.path[1] when 'details' then e.details when 'before_state' then e.before_state when 'after_state' then e.after_state else e.request_params end"
const ofPaths = "u.kind = 'path' and u.ended_seq is null"

/**
 * SQL over `e`, an event. Whether there is any restriction is asked once, and what they name is read once; only an event that has one of these
 * values anywhere is looked up in pgtrail.open_event, which decides. To read that view at once costs a page three times as much: it is planned
 * anew for each partition.
 */
export const isVisible = (profile: Pick<Profile, "name">, { schema }: Pick<Place, "schema">): string =>
  `((select not exists (select from pgtrail.subject_restriction))
        or not (
            ${restricted} ?| array[e.actor_id, e.resource_id, e.actor_name, e.device_id, e.session_id, host(e.ip_address), lower(e.actor_email collate "default")]
            or (select exists (select from pgtrail.subject_rule u where ${ofPaths}))
                and exists (
                    select from pgtrail.subject_rule u
                    where ${ofPaths} and (u.event_type is null or u.event_type = e.event_type or starts_with(e.event_type, u.event_type || '.'))
                        and ${restricted} ?| case when '*' = any (u.path)
                            then array(select lower((j.value #>> '{}') collate "default") from jsonb_path_query(${document}, 'strict $.**') j (value))
                            else array[lower((${document} #>> u.path[2:]) collate "default")] end))
        or ${schema}.${ident(visibleName(profile))}(e.organization_id, e.lane, e.seq, e.occurred_at))`

/** Its plan is kept: to plan it for each event that it is asked of costs a quarter more. */
export function visibleSql(profile: Profile, place: Place): string {
  const name = `${place.schema}.${ident(visibleName(profile))}`
  const body = `declare
    caller constant name := coalesce(nullif(current_setting('role'), 'none'), session_user);
begin
    return exists (
        select from pgtrail.open_event o
        where o.organization_id = organization and o.lane = its_lane and o.seq = its_seq and o.occurred_at = its_time)
        or exists (
            select from pg_roles r join pg_roles g on g.rolname = 'pgtrail_privacy'
            where r.rolname = caller and not r.rolsuper and pg_has_role(r.oid, g.oid, 'usage'));
end`
  return quoteBody(
    body,
    (
      quoted,
    ) => `create or replace function ${name}(organization text, its_lane smallint, its_seq bigint, its_time timestamptz) returns boolean
language plpgsql stable security definer parallel restricted
set search_path = pg_catalog, pg_temp
set standard_conforming_strings = on
set plan_cache_mode = force_generic_plan
as ${quoted};
revoke all on function ${name}${visibleArguments} from public;`,
  )
}
