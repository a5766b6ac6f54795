// What a restriction of a person (Article 18) hides is hidden by the views of a profile too, but from pgtrail_privacy.
import { ident, quoteBody } from "./quote.js"
import type { Place, Profile } from "./shape.js"

export const visibleName = (profile: Pick<Profile, "name">): string =>
  `pgtrail_${profile.name.replaceAll("-", "_")}_visible`
export const visibleArguments = "(text, smallint, bigint, timestamptz)"

export const namedName = (profile: Pick<Profile, "name">): string =>
  `pgtrail_${profile.name.replaceAll("-", "_")}_named`
export const namedArguments = "(jsonb, text, jsonb, jsonb, jsonb, jsonb)"

/** Whatever an event would have to say for any restriction to hide it, as it is compared: an address in small letters, without a netmask. */
const restricted = `(select jsonb_object_agg(k.value, null)
            from pgtrail.subject_restriction r,
                lateral (select case r.kind when 'resource' then substr(r.value, strpos(r.value, '/') + 1) else r.value end as value) v,
                lateral (
                    values (v.value), (lower(v.value collate "C")), (case r.kind when 'ip' then host(r.value::inet) end)
                ) k (value)
            where k.value is not null)`

const document =
  "case u.path[1] when 'details' then details when 'before_state' then before_state when 'after_state' then after_state else request_params end"
const ofPaths = "u.kind = 'path' and u.ended_seq is null"

/**
 * SQL over `e`, an event. Whether there is any restriction is asked once, and what they name is read once; only an event that has one of these
 * values anywhere, or an address beyond ASCII, is looked up in pgtrail.open_event, which decides. To read that view at once costs a page three times as much: it is planned
 * anew for each partition. No subquery of an event's own stands here: it never runs where there is no restriction, and yet the planner takes the
 * statement for so dear that PostgreSQL compiles it (jit), which takes a page ten seconds.
 */
export const isVisible = (profile: Pick<Profile, "name">, { schema }: Pick<Place, "schema">): string =>
  `((select not exists (select from pgtrail.subject_restriction))
        or not (
            ${restricted} ?| array[e.actor_id, e.resource_id, e.actor_name, e.device_id, e.session_id, host(e.ip_address), lower(e.actor_email collate "C")]
            or coalesce(octet_length(e.actor_email) <> length(e.actor_email), false)
            or (select exists (select from pgtrail.subject_rule u where ${ofPaths}))
                and ${schema}.${ident(namedName(profile))}(${restricted}, e.event_type, e.request_params, e.before_state, e.after_state, e.details))
        or ${schema}.${ident(visibleName(profile))}(e.organization_id, e.lane, e.seq, e.occurred_at))`

/** Never called where there is no restriction. At the price of every other plpgsql function, a hundred times this, each event that a plan reads makes it dearer, until PostgreSQL compiles it (jit). */
const seldom = "cost 1"

/** Whether a rule of paths finds anything restricted in the documents of an event. */
function namedSql(profile: Profile, place: Place): string {
  const name = `${place.schema}.${ident(namedName(profile))}`
  const body = `begin
    return exists (
        select from pgtrail.subject_rule u
        where ${ofPaths} and (u.event_type is null or u.event_type = its_type or starts_with(its_type, u.event_type || '.'))
            and restricted ?| case when '*' = any (u.path)
                then array(select v.value from jsonb_path_query(${document}, 'strict $.**') j (value),
                    lateral (values (j.value #>> '{}'), (pgtrail.fold_text(j.value #>> '{}'))) v (value))
                else array[${document} #>> u.path[2:], pgtrail.fold_text(${document} #>> u.path[2:])] end);
end`
  return quoteBody(
    body,
    (
      quoted,
    ) => `create or replace function ${name}(restricted jsonb, its_type text, request_params jsonb, before_state jsonb, after_state jsonb, details jsonb) returns boolean
language plpgsql stable security definer parallel restricted ${seldom}
set search_path = pg_catalog, pg_temp
set jit = off
as ${quoted};
revoke all on function ${name}${namedArguments} from public;`,
  )
}

export const visibleSql = (profile: Profile, place: Place): string =>
  `${namedSql(profile, place)}\n${lookedUpSql(profile, place)}`

/** Its plan is kept: to plan it for each event that it is asked of costs a quarter more. */
function lookedUpSql(profile: Profile, place: Place): string {
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
language plpgsql stable security definer parallel restricted ${seldom}
set search_path = pg_catalog, pg_temp
set standard_conforming_strings = on
set jit = off
set plan_cache_mode = force_generic_plan
as ${quoted};
revoke all on function ${name}${visibleArguments} from public;`,
  )
}
