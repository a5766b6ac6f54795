-- What retention would have taken from a partition by a time, by organization and policy; reads all of its events, tells none. Of the
-- `events` of each, `expired` would go, `expired_now` of them at `asked_at` already; the first of them are due at `first_at` and the last at
-- `last_at`. Of those whose time is over then, `held` are under a hold (the `cases`), and `fresh` kept back by the grace, if only for a while.
-- `archivable` are due for an archive and would go into one at `asked_at`: what a hold or the grace keeps back of them is among those.
create or replace function pgtrail.retention_plan(
    partition_name text, at timestamptz default now(), organization text default null, asked_at timestamptz default now()
)
returns table (organization_id text, policy text, keep_days int, floor text, events bigint, expired bigint, expired_now bigint, held bigint, fresh bigint,
    archivable bigint, oldest timestamptz, newest timestamptz, first_at timestamptz, last_at timestamptz, cases text[])
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set work_mem = '64MB'
set jit = off
as $$
declare
    grace constant interval
        := coalesce((select rtrim(s.value, 'd')::int from pgtrail.setting s where s.name = 'retention-grace'), 7) * interval '24 hours';
    hold text := 'null::text[]';
    condition record;
begin
    if not exists (select from pgtrail.partitions() p where p.name = partition_name) then
        raise exception using errcode = 'undefined_table', message = format('there is no partition %s', partition_name),
            hint = 'pgtrail partition list tells all.';
    end if;
    if exists (select from pgtrail.hold h where h.released_seq is null and (h.expires_at is null or h.expires_at > now())) then
        hold := '(select array_agg(distinct h.case_id) from pgtrail.hold h where h.released_seq is null '
            'and (h.expires_at is null or h.expires_at > now()) and ' || pgtrail.hold_fits() || ')';
    end if;
    select c.* into condition from pgtrail.entered_condition(least(at, asked_at) - grace) c;
    return query execute format($q$
        with period as materialized (
            select k.*, r.policy, r.keep_days, r.floor, r.keep_days * interval '24 hours' as keep,
                $1 - r.keep_days * interval '24 hours' as cutoff, $4 - r.archive_after_days * interval '24 hours' as archive_cutoff,
                $4 - o.keep_days * interval '24 hours' as cutoff_now
            from (
                select e.organization_id, coalesce(e.data_classification, '') as classification, e.event_type, e.retention_policy as class,
                    coalesce(e.compliance_tags::text, '') as tags
                from only pgtrail.%1$I e
                where $3 is null or e.organization_id = $3
                group by 1, 2, 3, 4, 5
            ) k,
                lateral pgtrail.retention_of(k.organization_id, nullif(k.classification, ''), k.event_type, k.class,
                    nullif(k.tags, '')::text[], $1) r,
                lateral pgtrail.retention_of(k.organization_id, nullif(k.classification, ''), k.event_type, k.class,
                    nullif(k.tags, '')::text[], $4) o
        ), judged as (
            select e.organization_id, p.policy, p.keep_days, p.floor, e.occurred_at, e.occurred_at < p.cutoff as over,
                e.occurred_at < p.cutoff and %3$s < $1 - $2 as goes,
                e.occurred_at < p.cutoff and e.occurred_at < p.cutoff_now and %3$s < $4 - $2 as goes_now,
                case when e.occurred_at < p.cutoff then %3$s + $2 > greatest($4, e.occurred_at + p.keep)
                    when e.occurred_at < p.archive_cutoff then %3$s + $2 > $4 else false end as fresh,
                -- Where a longer period is still kept to, not before that ends.
                case when e.occurred_at < p.cutoff then
                    greatest(e.occurred_at + p.keep, %3$s + $2, case when e.occurred_at >= p.cutoff_now then $4 end) end as due_at,
                coalesce(e.occurred_at >= p.cutoff and e.occurred_at < p.archive_cutoff, false) as archivable,
                case when e.occurred_at < greatest(p.cutoff, p.archive_cutoff) then %2$s end as cases
            from only pgtrail.%1$I e
            join period p on p.organization_id = e.organization_id and p.event_type = e.event_type and p.class = e.retention_policy
                and p.classification = coalesce(e.data_classification, '') and p.tags = coalesce(e.compliance_tags::text, '')
            %4$s
            offset 0
        ), counted as (
            select j.organization_id, j.policy, j.keep_days, j.floor, j.cases, count(*) as events,
                count(*) filter (where j.goes and j.cases is null) as expired,
                count(*) filter (where j.goes_now and j.cases is null) as expired_now,
                count(*) filter (where (j.over or j.archivable) and j.cases is not null) as held,
                count(*) filter (where j.fresh and j.cases is null) as fresh, count(*) filter (where j.archivable and not j.fresh and j.cases is null) as archivable,
                min(j.occurred_at) filter (where j.over) as oldest, max(j.occurred_at) filter (where j.over) as newest,
                min(j.due_at) filter (where j.goes and j.cases is null) as first_at,
                max(j.due_at) filter (where j.goes and j.cases is null) as last_at
            from judged j
            group by 1, 2, 3, 4, 5
        )
        select c.organization_id, c.policy, c.keep_days, c.floor, sum(c.events)::bigint, sum(c.expired)::bigint, sum(c.expired_now)::bigint, sum(c.held)::bigint,
            sum(c.fresh)::bigint, sum(c.archivable)::bigint, min(c.oldest), max(c.newest), min(c.first_at), max(c.last_at),
            (select array_agg(distinct n.name order by n.name) from counted o, unnest(o.cases) n (name)
                where (o.organization_id, o.policy, o.keep_days) = (c.organization_id, c.policy, c.keep_days)
                    and o.floor is not distinct from c.floor)
        from counted c
        group by 1, 2, 3, 4
        order by 1, 2, 3, 4 $q$, partition_name, hold, condition.entered, condition.joins)
    using at, grace, organization, asked_at;
end
$$;
comment on function pgtrail.retention_plan(text, timestamptz, text, timestamptz) is 'What retention would take from a partition';
revoke all on function pgtrail.retention_plan(text, timestamptz, text, timestamptz) from public;
