-- Which events of a partition a purge is about, as text for statements that read them as `e`: `joins` tells of each which kind of events it is
-- (p.n, from 1, as in the arrays), and how long that is kept; `over` is the condition that its time has come, `entered` when it came
-- into the log, `settled` that this is long enough ago.
-- `archive`: what is due for an archive, by its policy, and not past what it is kept for; or what occurred from `since` and before `until`.
create or replace function pgtrail.purge_condition(
    partition regclass, organization text, everything boolean, archive jsonb, at timestamptz, grace_began timestamptz,
    out joins text, out over text, out entered text, out settled text, out organizations text[], out classifications text[],
    out types text[], out classes text[], out tags text[], out policies text[], out rules bigint[], out floors text[], out keeps int[],
    out archive_afters int[]
)
language plpgsql stable parallel unsafe
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set datestyle = 'ISO, YMD'
as $$
declare
    due constant boolean := coalesce((archive->>'due')::boolean, true);
    cutoffs timestamptz[];
    archive_cutoffs timestamptz[];
begin
    over := 'true';
    entered := 'e.recorded_at';
    settled := 'true';
    joins := 'left join (select null::bigint as n) p on false';
    if everything then
        return;
    end if;
    execute format($q$
        select array_agg(k.organization_id), array_agg(k.classification), array_agg(k.event_type), array_agg(k.class),
            array_agg(coalesce(k.tags::text, '')), array_agg($1 - r.keep_days * interval '24 hours'),
            array_agg($1 - r.archive_after_days * interval '24 hours'), array_agg(r.policy), array_agg(r.rule_seq), array_agg(r.floor),
            array_agg(r.keep_days), array_agg(r.archive_after_days)
        from (
            select e.organization_id, coalesce(e.data_classification, '') as classification, e.event_type, e.retention_policy as class,
                e.compliance_tags as tags
            from only %s e
            where $2 is null or e.organization_id = $2
            group by 1, 2, 3, 4, 5
        ) k,
            lateral pgtrail.retention_of(k.organization_id, nullif(k.classification, ''), k.event_type, k.class, k.tags, $1) r $q$, partition)
    into organizations, classifications, types, classes, tags, cutoffs, archive_cutoffs, policies, rules, floors, keeps, archive_afters
    using at, organization;
    joins := format('left join unnest(%L::text[], %L::text[], %L::text[], %L::text[], %L::text[], %L::timestamptz[], %L::timestamptz[]) '
        'with ordinality p (organization_id, classification, event_type, class, tags, cutoff, archive_cutoff, n) '
        'on p.organization_id = e.organization_id and p.event_type = e.event_type and p.class = e.retention_policy '
        'and p.classification = coalesce(e.data_classification, '''') and p.tags = coalesce(e.compliance_tags::text, '''')',
        organizations, classifications, types, classes, tags, cutoffs, archive_cutoffs);
    if not due then
        over := format('(p.n is not null and e.occurred_at >= %L and (%L is null or e.occurred_at < %2$L))',
            coalesce((archive->>'since')::timestamptz, '-infinity'), (archive->>'until')::timestamptz);
        return;
    end if;
    over := case when archive is null then 'coalesce(e.occurred_at < p.cutoff, false)'
        else 'coalesce(e.occurred_at < p.archive_cutoff and e.occurred_at >= p.cutoff, false)' end;
    select purge_condition.joins || ' ' || c.joins, c.entered into joins, entered from pgtrail.entered_condition(grace_began) c;
    settled := format('(%s < %L)', entered, grace_began);
end
$$;
comment on function pgtrail.purge_condition(regclass, text, boolean, jsonb, timestamptz, timestamptz) is 'The condition that a purge is about an event, as SQL';
revoke all on function pgtrail.purge_condition(regclass, text, boolean, jsonb, timestamptz, timestamptz) from public;
