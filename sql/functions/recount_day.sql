-- Makes the summaries of one organization and day say what the events say, up to the places that are counted. `changed`: how many rows
-- did not say so, or were missing, or there for nothing.
create or replace function pgtrail.recount_day(
    organization text, day date,
    out events bigint, out events_before bigint, out actors bigint, out actors_before bigint, out changed bigint
)
language plpgsql volatile parallel unsafe
as $$
begin
    -- The bounds belong to the day: infinity has no next one. As parameters of a statement of its own they choose one partition.
    execute $q$
        with picked as materialized (
            select e.category, e.event_type, e.outcome, e.actor_id, e.data_size_bytes
            from pgtrail.event e
            join pgtrail.summary_cursor c on c.organization_id = $1 and c.lane = e.lane
            where e.organization_id = $1 and e.occurred_at between $3 and $4 and e.seq <= c.seq
        ), counted as materialized (
            select sha256(record_send(row(p.category, p.event_type, p.outcome))) as key, p.category, p.event_type, p.outcome,
                count(*) as events, coalesce(sum(p.data_size_bytes), 0) as data_size_bytes
            from picked p
            group by p.category, p.event_type, p.outcome
        ), put as (
            insert into pgtrail.summary as s
            select $1, $2, c.key, c.category, c.event_type, c.outcome, c.events, c.data_size_bytes from counted c
            on conflict (organization_id, day, key) do update
            set category = excluded.category, event_type = excluded.event_type, outcome = excluded.outcome,
                events = excluded.events, data_size_bytes = excluded.data_size_bytes
            where (s.category, s.event_type, s.outcome, s.events, s.data_size_bytes) is distinct from
                (excluded.category, excluded.event_type, excluded.outcome, excluded.events, excluded.data_size_bytes)
            returning true
        ), gone as (
            delete from pgtrail.summary s
            where s.organization_id = $1 and s.day = $2 and not exists (select from counted c where c.key = s.key)
            returning true
        ), acted as materialized (
            select substr(sha256(convert_to(p.actor_id, 'UTF8')), 1, 16) as actor_key, p.actor_id, count(*) as events,
                count(*) filter (where p.outcome in ('failure', 'denied', 'error')) as failed,
                coalesce(sum(p.data_size_bytes), 0) as data_size_bytes
            from picked p
            where p.actor_id is not null
            group by p.actor_id
        ), put_actors as (
            insert into pgtrail.summary_actor as s
            select $1, $2, a.actor_key, a.actor_id, a.events, a.failed, a.data_size_bytes from acted a
            on conflict (organization_id, day, actor_key) do update
            set actor_id = excluded.actor_id, events = excluded.events, failed = excluded.failed,
                data_size_bytes = excluded.data_size_bytes
            where (s.actor_id, s.events, s.failed, s.data_size_bytes) is distinct from
                (excluded.actor_id, excluded.events, excluded.failed, excluded.data_size_bytes)
            returning true
        ), gone_actors as (
            delete from pgtrail.summary_actor s
            where s.organization_id = $1 and s.day = $2 and not exists (select from acted a where a.actor_key = s.actor_key)
            returning true
        )
        select (select count(*) from picked),
            (select coalesce(sum(s.events), 0)::bigint from pgtrail.summary s where s.organization_id = $1 and s.day = $2),
            (select count(*) from acted),
            (select count(*) from pgtrail.summary_actor s where s.organization_id = $1 and s.day = $2),
            (select count(*) from put) + (select count(*) from gone) + (select count(*) from put_actors)
                + (select count(*) from gone_actors) $q$
    into events, events_before, actors, actors_before, changed
    using organization, day, day::timestamp at time zone 'UTC',
        (day::timestamp + interval '23:59:59.999999') at time zone 'UTC';
end
$$;
comment on function pgtrail.recount_day(text, date) is 'Counts one organization and day anew';
revoke all on function pgtrail.recount_day(text, date) from public;
