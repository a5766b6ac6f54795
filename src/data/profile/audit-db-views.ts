// Seed 003: the tables whose data pgtrail has itself, as views of it. They never fail on what an act says: whoever verifies writes that.
import type { Companion } from "./shape.js"

const integrityLog: Companion = {
  name: "audit_integrity_log",
  kind: "view",
  // The hash that is expected is the one that the event was appended with; what a verification computed instead no act tells.
  sql: ({ schema }) => `create or replace view ${schema}.audit_integrity_log with (security_barrier = true) as
select
    (row_number() over (order by l.act_seq, l.number))::integer as id,
    l.audit_log_id::integer as audit_log_id,
    l.recorded_at as verification_timestamp,
    l.status::varchar as verification_status,
    l.details as verification_details,
    l.session_user_name::varchar as verified_by,
    l.verified::varchar as hash_verified,
    l.expected::varchar as expected_hash
from (
    select a.seq as act_seq, 0::bigint as number, null::bigint as audit_log_id, a.recorded_at, a.session_user_name,
        case when a.parameters ->> 'verdict' = 'intact' then 'success' else 'failure' end as status,
        (a.parameters - 'findings') || jsonb_build_object('act', a.seq) as details, encode(a.digest, 'hex') as verified, null::text as expected
    from pgtrail.act a
    where a.organization_id = 'pgtrail' and a.kind = 'verify'
    union all
    select a.seq, f.number, e.external_number, a.recorded_at, a.session_user_name, 'failure',
        f.value || jsonb_build_object('act', a.seq), null, encode(e.hash, 'hex')
    from pgtrail.act a
    cross join lateral jsonb_array_elements(case jsonb_typeof(a.parameters -> 'findings') when 'array' then a.parameters -> 'findings' else '[]' end)
        with ordinality f (value, number)
    left join lateral (
        select case when v.external_number between -2147483648 and 2147483647 then v.external_number end as external_number, v.hash
        from pgtrail.event v
        where v.source = 'audit-db' and v.organization_id = f.value ->> 'organization_id'
            and v.lane = case when f.value ->> 'lane' ~ '^[0-9]{1,4}$' then (f.value ->> 'lane')::smallint end
            and v.seq = case when f.value ->> 'seq' ~ '^[0-9]{1,18}$' then (f.value ->> 'seq')::bigint end
        limit 1
    ) e on true
    where a.organization_id = 'pgtrail' and a.kind = 'verify'
) l;`,
}

const configChange: Companion = {
  name: "config_change_event",
  kind: "view",
  sql: ({ schema }) => `create or replace view ${schema}.config_change_event with (security_barrier = true) as
select
    a.seq::integer as id,
    a.recorded_at as timestamp,
    (case a.kind
        when 'setting' then a.parameters ->> 'name'
        when 'retention' then concat_ws('.', 'retention', a.parameters ->> 'rule', a.parameters ->> 'name')
        when 'profile' then concat_ws('.', 'profile', a.parameters ->> 'profile')
        else a.kind end)::varchar as field,
    case a.kind when 'setting' then a.parameters -> 'before' when 'retention' then a.parameters -> 'before' end as previous_value,
    case a.kind when 'setting' then a.parameters -> 'value' else a.parameters - array['before', 'reason', 'objects'] end as new_value,
    a.session_user_name::varchar as changed_by,
    (a.parameters ->> 'reason')::varchar as reason,
    current_database()::varchar as environment,
    (case a.kind when 'migrate' then (
        select b.parameters ->> 'tool_version' from pgtrail.act b
        where b.organization_id = 'pgtrail' and b.kind = 'migrate' and b.seq < a.seq order by b.seq desc limit 1) end)::varchar as previous_version,
    (a.parameters ->> 'tool_version')::varchar as new_version
from pgtrail.act a
where a.organization_id = 'pgtrail'
    and a.kind in ('setting', 'retention', 'add_type', 'subject_rule', 'privacy_key', 'profile', 'migrate');`,
}

/** The original stays encrypted: its key is outside of the database. */
const pseudonymMapping: Companion = {
  name: "pseudonym_mapping",
  kind: "view",
  isPrivate: true,
  sql: ({ schema }) => `create or replace view ${schema}.pseudonym_mapping with (security_barrier = true) as
select
    (row_number() over (order by p.created_at, p.pseudonym))::integer as id,
    p.created_at as timestamp,
    p.pseudonym::text as pseudonym_id,
    translate(encode(p.original, 'base64'), E'\\n', '') as original_id
from pgtrail.pseudonym p;`,
}

/** What archives have are whole events. */
const archiveStorage: Companion = {
  name: "archive_storage",
  kind: "view",
  isPrivate: true,
  sql: ({ schema }) => `create or replace view ${schema}.archive_storage with (security_barrier = true) as
select
    s.id::varchar as id,
    s.metadata,
    (select translate(encode(string_agg(p.data, ''::bytea order by p.part), 'base64'), E'\\n', '')
        from pgtrail.archive_storage_part p where p.id = s.id) as data,
    s.created_at,
    s.retrieved_count,
    s.last_retrieved_at
from pgtrail.archive_storage s;`,
}

export const viewCompanions: readonly Companion[] = [
  integrityLog,
  configChange,
  pseudonymMapping,
  archiveStorage,
]
