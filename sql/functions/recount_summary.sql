-- Counts the days of pgtrail.summary_recount anew, until about `max_events` are counted, and tells of each what its rows said before.
-- `differs`: a rebuild asked whether they were right, and they were not.
create or replace function pgtrail.recount_summary(max_events bigint)
returns table (
    organization_id text, day date, events bigint, events_before bigint, actors bigint, actors_before bigint, differs boolean
)
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set jit = off
as $$
#variable_conflict use_column
declare
    budget bigint := max_events;
    listed record;
    made record;
begin
    perform pgtrail.lock_summary();
    for listed in select r.organization_id, r.day, r.compares from pgtrail.summary_recount r order by r.organization_id, r.day loop
        exit when (budget > 0) is not true;
        select * into made from pgtrail.recount_day(listed.organization_id, listed.day);
        return query select listed.organization_id, listed.day, made.events, made.events_before, made.actors, made.actors_before,
            listed.compares and made.changed > 0;
        delete from pgtrail.summary_recount r where r.organization_id = listed.organization_id and r.day = listed.day;
        -- A day costs something even if it has no events.
        budget := budget - greatest(made.events, 100);
    end loop;
end
$$;
comment on function pgtrail.recount_summary(bigint) is 'Counts days anew whose summaries may be wrong';
revoke all on function pgtrail.recount_summary(bigint) from public;
