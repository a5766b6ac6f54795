-- Places a legal hold: whatever it names is not purged, redacted, detached or dropped before it is released or expires. Its act has the
-- digest of the row, because the row may name a person and an act does not.
create or replace function pgtrail.add_hold(
    case_id text, reason text, organization text default null, actor text default null, resource_type text default null,
    resource_id text default null, correlation text default null, event_type text default null, since timestamptz default null,
    until timestamptz default null, expires_at timestamptz default null, requested_by text default null
) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
declare
    made pgtrail.hold;
    odd text;
    a record;
begin
    made.case_id := case_id;
    made.organization_id := organization;
    made.actor_id := actor;
    made.resource_type := resource_type;
    made.resource_id := resource_id;
    made.correlation_id := correlation;
    made.event_type := event_type;
    made.since := since;
    made.until := until;
    made.expires_at := expires_at;
    -- Without it whoever knows a name could try whether the act is about it, for ever.
    made.salt := gen_random_uuid();
    if coalesce(btrim(case_id, E' \t\r\n'), '') = '' or length(case_id) > 200 then
        odd := 'a hold takes a case, of 200 characters at most';
    elsif coalesce(btrim(reason, E' \t\r\n'), '') = '' or length(reason) > 2000 then
        odd := 'a hold takes a reason, of 2000 characters at most';
    elsif length(requested_by) > 200 then
        odd := 'who asked for a hold is told in 200 characters at most';
    elsif num_nonnulls(organization, actor, resource_type, correlation, event_type, since, until) = 0 then
        odd := 'a hold names an organization, an actor, a resource, a correlation, a type or a time';
    elsif greatest(length(organization), length(actor), length(resource_type), length(resource_id), length(correlation), length(event_type)) > 10000 then
        odd := 'what a hold names has 10000 characters at most';
    elsif '' in (organization, actor, resource_type, resource_id, correlation, event_type) or resource_id is not null and resource_type is null then
        odd := 'what a hold names is not empty, and a resource has a type';
    elsif event_type like '%.' or event_type like '%*%' then
        odd := 'the type of a hold is the beginning of types, without a dot or a star at its end';
    elsif since >= until then
        odd := 'a hold begins before it ends';
    elsif expires_at <= clock_timestamp() or not isfinite(expires_at) then
        odd := 'a hold expires in the future';
    end if;
    if odd is not null then
        raise exception using errcode = 'TR009', message = odd, hint = 'Nothing was held.';
    end if;
    perform pg_advisory_xact_lock(1885828210, -1);
    made.act_seq := pgtrail.record_act('hold', jsonb_build_object('case', case_id, 'reason', reason, 'requested_by', requested_by,
        'organization', organization, 'salted', true, 'names', to_jsonb(array_remove(array[
            case when actor is not null then 'actor' end, case when resource_type is not null then 'resource' end,
            case when correlation is not null then 'correlation' end, case when event_type is not null then 'type' end,
            case when since is not null or until is not null then 'time' end], null)),
        'expires', case when expires_at is not null then to_char(expires_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') end),
        pgtrail.hold_digest(made));
    insert into pgtrail.hold select made.*;
    return made.act_seq;
end
$$;
comment on function pgtrail.add_hold(text, text, text, text, text, text, text, text, timestamptz, timestamptz, timestamptz, text) is
    'Places a legal hold';
revoke all on function
    pgtrail.add_hold(text, text, text, text, text, text, text, text, timestamptz, timestamptz, timestamptz, text) from public;
