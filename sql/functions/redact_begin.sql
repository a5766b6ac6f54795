-- Begins a redaction: nothing else changes partitions or redacts before this transaction ends, and the guard lets it replace values. It must
-- end with record_redaction, or it does not commit.
create or replace function pgtrail.redact_begin(patience interval default '30 seconds') returns void
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
begin
    perform pgtrail.await_lock(-8, patience);
    perform pgtrail.check_subject_stage();
    if exists (select from pg_temp.pgtrail_plan) then
        -- A hold that came between would not be seen.
        raise exception using errcode = 'object_not_in_prerequisite_state', hint = 'Nothing was changed.',
            message = 'what is to be redacted is looked for after redact_begin, not before';
    end if;
    -- The act at the end vouches for all: not for what somebody wrote there without one.
    if (select sha256(coalesce(string_agg(record_send(row('pgtrail redaction'::text, r.organization_id, r.lane, r.block, r.entries, r.digest)), ''::bytea
            order by r.organization_id collate "C", r.lane, r.block), ''::bytea)) from pgtrail.redaction r)
        is distinct from coalesce((
            select a.digest from pgtrail.act a where a.organization_id = 'pgtrail' and a.kind = 'redact' order by a.seq desc limit 1), sha256(''))
    then
        raise exception using errcode = 'TR013', message = 'pgtrail.redaction is not what the newest act of a redaction says: it was altered',
            hint = 'Nothing was changed; pgtrail verify tells what is wrong.';
    end if;
    insert into pgtrail.redacting
    select pg_current_xact_id(), (
        select max(a.seq) from pgtrail.act a where a.organization_id = 'pgtrail' and a.kind = any (pgtrail.deciding_kinds()))
    on conflict do nothing;
end
$$;
comment on function pgtrail.redact_begin(interval) is 'Begins a redaction';
revoke all on function pgtrail.redact_begin(interval) from public;
