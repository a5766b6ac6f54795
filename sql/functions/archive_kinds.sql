-- The kinds of events that go into an archive: of all kinds, which arrays tell, those that counts are of, numbered by what they are.
-- `kinds` are positions in these arrays; one may have several counts, each with the times of its oldest and its newest event.
create or replace function pgtrail.archive_kinds(
    organizations text[], classifications text[], types text[], classes text[], tags text[],
    kinds bigint[], counts bigint[], oldest timestamptz[], newest timestamptz[]
) returns pgtrail.archive_kind[]
language sql stable parallel unsafe
as $$
    select array_agg(row(0, k.kind, k.organization_id, nullif(k.classification, ''), k.event_type, k.class, nullif(k.tags, '')::text[], k.events,
        k.oldest, k.newest)::pgtrail.archive_kind order by k.kind)
    from (
        select k.*, c.events, c.oldest, c.newest, row_number() over (order by k.organization_id collate "C", k.classification collate "C",
            k.event_type collate "C", k.class collate "C", k.tags collate "C")::int as kind
        from (
            select c.n, sum(c.events)::bigint as events, min(c.oldest) as oldest, max(c.newest) as newest
            from unnest(archive_kinds.kinds, archive_kinds.counts, archive_kinds.oldest, archive_kinds.newest) c (n, events, oldest, newest)
            where c.events > 0
            group by c.n
        ) c
        join unnest(archive_kinds.organizations, archive_kinds.classifications, archive_kinds.types, archive_kinds.classes, archive_kinds.tags)
            with ordinality k (organization_id, classification, event_type, class, tags, n) on k.n = c.n
    ) k
$$;
comment on function pgtrail.archive_kinds(text[], text[], text[], text[], text[], bigint[], bigint[], timestamptz[], timestamptz[]) is
    'The kinds of events that go into an archive';
revoke all on function pgtrail.archive_kinds(text[], text[], text[], text[], text[], bigint[], bigint[], timestamptz[], timestamptz[]) from public;
