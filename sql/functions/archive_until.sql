-- Until when the rules of retention keep an archive: as long as they keep the newest event of any of its kinds, and until the youngest has been
-- in the log for the grace. Infinity where that is no time any more; null of an archive that is not there.
create or replace function pgtrail.archive_until(act_seq bigint, at timestamptz default now()) returns timestamptz
language sql stable security definer parallel restricted
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
    select greatest(
        -- A period is a hundred years at most, and what lies beyond the last year of the server is no time.
        max(case when k.newest_occurred_at < '294000-01-01Z' then k.newest_occurred_at + r.keep_days * interval '24 hours' else 'infinity' end),
        (select max(p.newest_recorded_at) from pgtrail.purge p where p.act_seq = archive_until.act_seq)
            + coalesce((select rtrim(s.value, 'd')::int from pgtrail.setting s where s.name = 'retention-grace'), 7) * interval '24 hours')
    from pgtrail.archive_kind k,
        lateral pgtrail.retention_of(k.organization_id, k.data_classification, k.event_type, k.retention_policy, k.compliance_tags, at) r
    where k.act_seq = archive_until.act_seq
    having count(*) > 0
$$;
comment on function pgtrail.archive_until(bigint, timestamptz) is 'Until when an archive is kept';
revoke all on function pgtrail.archive_until(bigint, timestamptz) from public;
