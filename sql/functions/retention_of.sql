-- How long events of this kind are kept at a time, and why. Of the policies that fit, one that names the organization goes before one
-- that does not, then the longer type, then one that names the classification, then the one of the event's own retention_policy, then
-- standard; of equal ones the longer period. No floor is gone below. What the rules kept at any time within the grace is still kept.
create or replace function pgtrail.retention_of(
    organization text, classification text, event_type text, retention_policy text, compliance_tags text[], at timestamptz,
    out policy text, out keep_days int, out floor text, out archive_after_days int, out rule_seq bigint, out later_days int, out equals text[]
)
language sql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    with grace as (
        select at - coalesce((select rtrim(s.value, 'd')::int from pgtrail.setting s where s.name = 'retention-grace'), 7) * interval '24 hours' as since
    ), moment as (
        select g.since as t from grace g
        union
        select c.t from pgtrail.retention_rule r, grace g, lateral (values (r.counts_from), (r.counts_until)) c (t)
        where c.t > g.since and c.t <= at
        union
        select at
    ), fitting as (
        select m.t, r.*,
            rank() over (partition by m.t order by r.organization_id is null, length(coalesce(r.event_type, '')) desc, r.data_classification is null,
                case when num_nonnulls(r.organization_id, r.event_type, r.data_classification) > 0 then 0
                    when r.name = retention_of.retention_policy then 1 else 2 end) as place
        from moment m
        join pgtrail.retention_rule r on r.kind = 'policy' and r.counts_from <= m.t and m.t < r.counts_until
        where (r.organization_id is null or r.organization_id = organization)
            and (r.data_classification is null or r.data_classification = classification)
            and (r.event_type is null or r.event_type = retention_of.event_type
                or starts_with(retention_of.event_type, r.event_type || '.'))
            and (num_nonnulls(r.organization_id, r.event_type, r.data_classification) > 0
                or r.name in (retention_of.retention_policy, 'standard'))
    ), chosen as (
        select distinct on (f.t) f.t, f.name, f.keep_days, f.archive_after_days, f.act_seq,
            (select array_agg(o.name order by o.name) from fitting o where o.t = f.t and o.place = 1 and o.name <> f.name) as equals
        from fitting f
        where f.place = 1
        order by f.t, f.keep_days desc, f.name
    ), period as (
        select c.*, l.name as floor, greatest(c.keep_days, l.keep_days) as days
        from chosen c
        left join lateral (
            select r.name, r.keep_days from pgtrail.retention_rule r
            where r.kind = 'floor' and r.counts_from <= c.t and c.t < r.counts_until and r.compliance_tag = any (compliance_tags)
                and r.keep_days > c.keep_days
            order by r.keep_days desc, r.name limit 1
        ) l on true
    )
    select p.name, w.days, p.floor, p.archive_after_days, p.act_seq, case when p.days < w.days then p.days end, p.equals
    from period p, (select max(w.days) as days from period w) w
    where p.t = at
$$;
comment on function pgtrail.retention_of(text, text, text, text, text[], timestamptz) is 'How long events are kept, and why';
revoke all on function pgtrail.retention_of(text, text, text, text, text[], timestamptz) from public;
