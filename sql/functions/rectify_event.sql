-- Records that an event says something wrong of a person, and what is right (Article 16): a new event, gdpr.rectified, of the same
-- organization, whose after_state has the corrected fields; the old one stays as it was recorded. The values come by
-- pg_temp.pgtrail_subject, kind being the name of the field and value its JSON. At the first time rules are added of where it has personal data.
create or replace function pgtrail.rectify_event(
    organization text, lane smallint, seq bigint, reason text, requested_by text, request text default null
) returns table (id uuid, organization_id text, lane_of smallint, seq_of bigint)
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
#variable_conflict use_column
declare
    old pgtrail.event;
    made pgtrail.event := pgtrail.default_event(rectify_event.organization);
    fixed jsonb;
    whose jsonb;
    is_about boolean;
    odd text;
begin
    if coalesce(btrim(rectify_event.reason, E' \t\r\n'), '') = '' or length(rectify_event.reason) > 2000 then
        odd := 'a rectification takes a reason, of 2000 characters at most';
    elsif coalesce(btrim(rectify_event.requested_by, E' \t\r\n'), '') = '' or length(rectify_event.requested_by) > 200 then
        odd := 'a rectification takes who asked for it, in 200 characters at most';
    end if;
    perform pgtrail.check_subject_stage();
    perform pgtrail.check_request(rectify_event.request);
    if odd is null then
        select format('an event has no field %s that can be rectified', to_json(left(min(coalesce(s.kind, '')), 100))) into odd
        from pg_temp.pgtrail_subject s
        where (s.kind in ('actor_id', 'actor_name', 'actor_email', 'ip_address', 'user_agent', 'session_id', 'device_id',
            'resource_id', 'resource_name', 'namespace', 'description', 'error_message', 'request_path', 'request_id', 'correlation_id',
            'request_params', 'before_state', 'after_state', 'details', 'tags')) is not true
        having count(*) > 0;
    end if;
    if odd is null and (select count(*) <> count(distinct s.kind) or count(*) = 0 from pg_temp.pgtrail_subject s) then
        odd := 'a rectification sets one field at least, and each once';
    end if;
    if odd is not null then
        raise exception using errcode = 'TR009', message = odd, hint = 'Nothing was recorded.';
    end if;
    select jsonb_object_agg(s.kind, s.value::jsonb) into fixed from pg_temp.pgtrail_subject s;
    select e.* into old from pgtrail.event e
    where e.organization_id = rectify_event.organization and e.lane = rectify_event.lane and e.seq = rectify_event.seq;
    if not found then
        raise exception using errcode = 'TR009', hint = 'Nothing was recorded. pgtrail show says where it is.',
            message = format('there is no event %s/%s/%s', rectify_event.organization, rectify_event.lane, rectify_event.seq);
    end if;
    perform pgtrail.add_subject_rule('path', 'gdpr.rectified', null, p.path)
    from (values (array['after_state', '*']), (array['details', 'actor_id']), (array['details', 'actor_email']), (array['details', 'resource_id'])) p (path);
    -- Whose data it sets right: of the actor, if it has to do with what the event says of him; of the resource, if that is a person, or its name is
    -- what was wrong; else the actor's, as is all that he did. What rectifies a rectification is about whom that was about.
    is_about := old.resource_id is not null and (fixed ?| array['resource_id', 'resource_name']
        or exists (select from pgtrail.subject_rule u where u.kind = 'resource' and u.ended_seq is null and u.resource_type = old.resource_type));
    whose := case
        when old.event_type = 'gdpr.rectified' then (
            select coalesce(jsonb_object_agg(d.key, d.value), '{}') from jsonb_each(old.details) d
            where d.key in ('actor_id', 'actor_email', 'resource_type', 'resource_id'))
        else case when is_about then jsonb_build_object('resource_type', old.resource_type, 'resource_id', old.resource_id) else '{}' end
            || case when not is_about or fixed ?| array['actor_id', 'actor_name', 'actor_email', 'ip_address', 'user_agent', 'session_id', 'device_id']
                then jsonb_build_object('actor_id', old.actor_id, 'actor_email', case when old.actor_id is null then old.actor_email end) else '{}' end end;
    made.event_type := 'gdpr.rectified';
    made.category := 'gdpr';
    made.action := 'rectify';
    made.actor_id := session_user;
    made.actor_type := 'role';
    made.resource_type := 'event';
    made.resource_id := format('%s/%s/%s', old.organization_id, old.lane, old.seq);
    made.after_state := fixed;
    -- By it the subject is found here too.
    made.details := jsonb_strip_nulls(jsonb_build_object('reason', rectify_event.reason, 'requested_by', rectify_event.requested_by,
        'request', rectify_event.request) || whose);
    insert into pgtrail.event as t (organization_id, project_id, occurred_at, event_type, category, action, severity, outcome, actor_id, actor_type,
        resource_type, resource_id, data_classification, retention_policy, compliance_tags, after_state, details)
    values (old.organization_id, old.project_id, clock_timestamp(), made.event_type, made.category, made.action, made.severity, made.outcome,
        made.actor_id, made.actor_type, made.resource_type, made.resource_id, old.data_classification, old.retention_policy,
        old.compliance_tags, made.after_state, made.details)
    returning t.id, t.organization_id, t.lane, t.seq into id, organization_id, lane_of, seq_of;
    perform pgtrail.note_request_act(rectify_event.request, null, jsonb_build_array(jsonb_build_object('kind', 'rectification',
        'name', format('%s/%s/%s', organization_id, lane_of, seq_of))));
    return next;
end
$$;
comment on function pgtrail.rectify_event(text, smallint, bigint, text, text, text) is 'Records what is right in the place of what an event says';
revoke all on function pgtrail.rectify_event(text, smallint, bigint, text, text, text) from public;
