-- Why a law keeps an event `e`, or null, as text for statements that read many: a floor for one of its tags whose time is not over, or a rule of
-- kind `keep`.
create or replace function pgtrail.law_condition() returns text
language plpgsql stable parallel unsafe
as $$
begin
    return format('coalesce(%s, %s)',
        case when exists (select from pgtrail.retention_rule r where r.kind = 'floor' and r.counts_until > now())
            then '(select ''floor '' || r.name from pgtrail.retention_rule r where r.kind = ''floor'' and r.counts_from <= now() and r.counts_until > now() '
                'and r.compliance_tag = any (e.compliance_tags) and e.occurred_at + r.keep_days * interval ''24 hours'' > now() '
                'order by r.keep_days desc, r.name limit 1)' else 'null::text' end,
        case when exists (select from pgtrail.subject_rule r where r.kind = 'keep' and r.ended_seq is null)
            then '(select ''rule '' || r.act_seq from pgtrail.subject_rule r where r.kind = ''keep'' and r.ended_seq is null '
                'and (r.event_type is null or r.event_type = e.event_type or starts_with(e.event_type, r.event_type || ''.'')) '
                'and (r.data_classification is null or r.data_classification = e.data_classification) '
                'and (r.compliance_tag is null or r.compliance_tag = any (e.compliance_tags)) order by r.act_seq limit 1)' else 'null::text' end);
end
$$;
comment on function pgtrail.law_condition() is 'Why a law keeps an event, as SQL';
revoke all on function pgtrail.law_condition() from public;
