// Seed 003: the tables whose data pgtrail has itself, as views of it. They never fail on what an act says: whoever verifies writes that.
// Each column of a UNION has its name in every branch: a dump writes one down, and the view would be another.
import { literal } from "../migrate/script.js"
import type { Companion } from "./shape.js"

const refuse: Companion = {
  name: "pgtrail_audit_db_owned",
  kind: "function",
  signature: "()",
  isPrivate: true,
  sql: ({ schema }) => `create or replace function ${schema}.pgtrail_audit_db_owned() returns trigger
language plpgsql volatile parallel safe
set search_path = pg_catalog, pg_temp
set standard_conforming_strings = on
as $owned$
begin
    raise exception using
        errcode = 'insufficient_privilege',
        message = format('%I.%I shows what pgtrail records itself: %s refused', tg_table_schema, tg_table_name, tg_op),
        hint = 'Nothing was changed. ' || tg_argv[0];
end
$owned$;
revoke all on function ${schema}.pgtrail_audit_db_owned() from public;`,
}

/** PostgreSQL's own hint would be to write a trigger, and some of these views it would write through. */
const refused = (schema: string, view: string, hint: string): string => `
create or replace trigger pgtrail_refuse_row instead of insert or update or delete on ${schema}.${view}
for each row execute function ${schema}.pgtrail_audit_db_owned(${literal(hint)});
create or replace trigger pgtrail_refuse before insert or update or delete on ${schema}.${view}
for each statement execute function ${schema}.pgtrail_audit_db_owned(${literal(hint)});`

const integrityLog: Companion = {
  name: "audit_integrity_log",
  kind: "view",
  // Whoever writes is told what makes these rows, and not that he may not.
  rights: ["insert"],
  isAppendOnly: true,
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
    from ${schema}.pgtrail_audit_db_act a
    where a.organization_id = 'pgtrail' and a.kind = 'verify'
    union all
    select a.seq as act_seq, f.number, e.external_number as audit_log_id, a.recorded_at, a.session_user_name, 'failure' as status,
        f.value || jsonb_build_object('act', a.seq) as details, null::text as verified, encode(e.hash, 'hex') as expected
    from ${schema}.pgtrail_audit_db_act a
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
) l;${refused(schema, "audit_integrity_log", "Each verification makes these rows, and each of its findings: pgtrail verify")}`,
}

const configChange: Companion = {
  name: "config_change_event",
  kind: "view",
  rights: ["insert"],
  isAppendOnly: true,
  sql: ({ schema }) => `create or replace view ${schema}.config_change_event with (security_barrier = true) as
select
    a.seq::integer as id,
    a.recorded_at as timestamp,
    (case a.kind
        when 'setting' then a.parameters ->> 'name'
        when 'retention' then concat_ws('.', 'retention', a.parameters ->> 'rule', a.parameters ->> 'name')
        when 'profile' then concat_ws('.', 'profile', a.parameters ->> 'profile')
        else a.kind end)::varchar as field,
    case when a.kind in ('setting', 'retention') then nullif(a.parameters -> 'before', 'null') end as previous_value,
    case a.kind when 'setting' then a.parameters -> 'value' else a.parameters - array['before', 'reason', 'objects', 'rights', 'sources'] end as new_value,
    a.session_user_name::varchar as changed_by,
    (a.parameters ->> 'reason')::varchar as reason,
    current_database()::varchar as environment,
    (case a.kind when 'migrate' then (
        select b.parameters ->> 'tool_version' from pgtrail.act b
        where b.organization_id = 'pgtrail' and b.kind = 'migrate' and b.seq < a.seq order by b.seq desc limit 1) end)::varchar as previous_version,
    (a.parameters ->> 'tool_version')::varchar as new_version
from ${schema}.pgtrail_audit_db_act a
where a.organization_id = 'pgtrail'
    and a.kind in ('setting', 'retention', 'add_type', 'subject_rule', 'privacy_key', 'profile', 'migrate');${refused(schema, "config_change_event", "Each change of a setting or a policy makes one: pgtrail setting set, pgtrail retention policy set")}`,
}

/** The original stays encrypted: its key is outside of the database. */
const pseudonymMapping: Companion = {
  name: "pseudonym_mapping",
  kind: "view",
  rights: ["insert"],
  isPrivate: true,
  sql: ({ schema }) => `create or replace view ${schema}.pseudonym_mapping with (security_barrier = true) as
select
    (row_number() over (order by p.created_at, p.pseudonym))::integer as id,
    p.created_at as timestamp,
    p.pseudonym::text as pseudonym_id,
    translate(encode(p.original, 'base64'), E'\\n', '') as original_id
from pgtrail.pseudonym p;${refused(schema, "pseudonym_mapping", "A pseudonym makes one: pgtrail gdpr pseudonymize")}`,
}

/** What archives have are whole events. */
const archiveStorage: Companion = {
  name: "archive_storage",
  kind: "view",
  rights: ["insert"],
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
from pgtrail.archive_storage s;${refused(schema, "archive_storage", "An archive makes one: pgtrail archive create --due --to table:")}`,
}

export const viewCompanions: readonly Companion[] = [
  refuse,
  integrityLog,
  configChange,
  pseudonymMapping,
  archiveStorage,
]
