-- Removes a rule of what is personal, by an act; null where no such rule is in force. Its row stays: it was in force until then.
create or replace function pgtrail.remove_subject_rule(rule bigint) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
declare
    found_rule pgtrail.subject_rule;
    act bigint;
begin
    perform pg_advisory_xact_lock(1885828210, -1);
    select * into found_rule from pgtrail.subject_rule r where r.act_seq = remove_subject_rule.rule and r.ended_seq is null for update;
    if not found then
        -- A rule that was added since would be overlooked.
        if current_setting('transaction_isolation') <> 'read committed' then
            raise exception using errcode = 'serialization_failure', hint = 'Nothing was changed. Run it again at the isolation level read committed.',
                message = 'this snapshot sees no such rule';
        end if;
        return null;
    end if;
    act := pgtrail.record_act('subject_rule', jsonb_build_object('step', 'remove', 'rule', found_rule.act_seq, 'kind', found_rule.kind,
        'event_type', found_rule.event_type, 'resource_type', found_rule.resource_type, 'path', to_jsonb(found_rule.path),
        'classification', found_rule.data_classification, 'tag', found_rule.compliance_tag));
    update pgtrail.subject_rule r set ended_seq = act where r.act_seq = found_rule.act_seq;
    return act;
end
$$;
comment on function pgtrail.remove_subject_rule(bigint) is 'Removes a rule of what is personal';
revoke all on function pgtrail.remove_subject_rule(bigint) from public;
