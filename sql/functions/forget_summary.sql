-- Takes away what the summaries say of an organization in these days, and has the days counted anew: called in the transaction that
-- removes or redacts events of that time. Days that have nothing in the summaries stay as they are.
create or replace function pgtrail.forget_summary(organization text, oldest timestamptz, newest timestamptz) returns void
language plpgsql volatile parallel unsafe
as $$
declare
    since constant date := (oldest at time zone 'UTC')::date;
    until constant date := (newest at time zone 'UTC')::date;
begin
    -- An old snapshot would not see what was counted since.
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception using errcode = 'feature_not_supported',
            message = 'events are removed at the isolation level read committed', hint = 'Nothing was removed.';
    end if;
    perform pg_advisory_xact_lock(1885828210, -5);
    with gone_actors as (
        delete from pgtrail.summary_actor s
        where s.organization_id = organization and s.day between since and until
        returning s.day
    ), gone as (
        delete from pgtrail.summary s
        where s.organization_id = organization and s.day between since and until
        returning s.day
    )
    insert into pgtrail.summary_recount
    select organization, g.day, false from (select day from gone union select day from gone_actors) g
    on conflict (organization_id, day) do update set compares = false;
end
$$;
comment on function pgtrail.forget_summary(text, timestamptz, timestamptz) is 'Forgets days in the summaries';
revoke all on function pgtrail.forget_summary(text, timestamptz, timestamptz) from public;
