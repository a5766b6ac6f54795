-- An AWS CloudTrail record as an event in JSON. What a column holds verbatim is left out of details; all the rest stays there, so
-- that the record can be put together again: nulls, values of an unexpected type, a service name as source address.
create or replace function pgtrail.cloudtrail_event(record jsonb, organization text default null) returns jsonb
language sql stable parallel unsafe
as $$
    select jsonb_strip_nulls(jsonb_build_object(
            'external_id', record ->> 'eventID',
            'source', 'cloudtrail',
            'organization_id', coalesce(organization, record ->> 'recipientAccountId', who ->> 'accountId'),
            'project_id', record ->> 'awsRegion',
            -- Insights have neither source nor name.
            'event_type', coalesce(
                nullif(concat_ws('.', regexp_replace(record ->> 'eventSource', '\.amazonaws\.com$', ''), record ->> 'eventName'), ''),
                record ->> 'eventType'),
            'category', record ->> 'eventCategory',
            'action', case record -> 'readOnly' when 'true' then 'read' when 'false' then 'write' end,
            'severity', case
                when outcome = 'denied' then 'warning'
                when outcome in ('failure', 'error') then 'error'
                else 'info' end,
            'outcome', outcome,
            'actor_type', who ->> 'type',
            'actor_id', coalesce(who ->> 'arn', who ->> 'principalId', who ->> 'invokedBy'),
            'actor_name', coalesce(who ->> 'userName', who -> 'sessionContext' -> 'sessionIssuer' ->> 'userName'),
            'ip_address', address,
            'user_agent', record ->> 'userAgent',
            'session_id', who ->> 'accessKeyId',
            'resource_type', record -> 'resources' -> 0 ->> 'type',
            'resource_id', record -> 'resources' -> 0 ->> 'ARN',
            'namespace', record ->> 'eventSource',
            'error_message', record ->> 'errorMessage',
            'request_id', record ->> 'requestID',
            'correlation_id', record ->> 'sharedEventID',
            'event_version', record ->> 'eventVersion'
        )) || jsonb_build_object(
            -- A record without a time is refused, not dated today.
            'occurred_at', record -> 'eventTime',
            'request_params', record -> 'requestParameters',
            'after_state', record -> 'responseElements',
            -- Elements that are null remove nothing.
            'details', record - moved - array[
                case when record ->> 'eventTime' ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$' then 'eventTime' end,
                case when 'eventSource' = any (moved) and jsonb_typeof(record -> 'eventName') = 'string' then 'eventName' end,
                case when organization is null and jsonb_typeof(record -> 'recipientAccountId') = 'string'
                    then 'recipientAccountId' end,
                case when jsonb_typeof(record -> 'readOnly') = 'boolean' then 'readOnly' end,
                case when jsonb_typeof(record -> 'requestParameters') <> 'null' then 'requestParameters' end,
                case when jsonb_typeof(record -> 'responseElements') <> 'null' then 'responseElements' end,
                case when address is not null then 'sourceIPAddress' end]
        )
    from (select
            record -> 'userIdentity' as who,
            pgtrail.parse_address(case when jsonb_typeof(record -> 'sourceIPAddress') = 'string'
                then record ->> 'sourceIPAddress' end) as address,
            array(
                select k
                from unnest(array['eventID', 'awsRegion', 'eventCategory', 'userAgent', 'eventSource', 'errorMessage', 'requestID',
                    'sharedEventID', 'eventVersion']) k
                where jsonb_typeof(record -> k) = 'string') as moved,
            case
                when record ->> 'errorCode' is null and record ->> 'errorMessage' is null then 'success'
                when record ->> 'errorCode' ~ '(AccessDenied|Unauthorized|Forbidden|AuthFailure)' then 'denied'
                when record ->> 'errorCode' ~ '(Internal|ServiceUnavailable|Throttling|ServerException)' then 'error'
                else 'failure' end as outcome
        offset 0) r
$$;
comment on function pgtrail.cloudtrail_event(jsonb, text) is 'An AWS CloudTrail record as an event in JSON';
revoke all on function pgtrail.cloudtrail_event(jsonb, text) from public;
