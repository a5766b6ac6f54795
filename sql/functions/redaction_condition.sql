-- The condition that the stored digests of an event `e` are what redactions recorded, as text for statements that read many: a group
-- without a digest has no entries; of one with a digest the first entry's old digest is it, and the last one's new digest is that of the present
-- values. Where nothing was ever redacted, that there are no digests.
create or replace function pgtrail.redaction_condition() returns text
language plpgsql stable parallel unsafe
as $$
begin
    if not exists (select from pgtrail.redaction_entry) then
        return '(e.identity_digest is null and e.content_digest is null)';
    end if;
    return (
        select '(' || string_agg(format('case when e.%1$s_digest is null then not exists (select from pgtrail.redaction_entry r '
            'where r.organization_id = e.organization_id and r.lane = e.lane and r.seq = e.seq and r.group_name = ''%1$s'') else coalesce((select r.old_digest '
            'from pgtrail.redaction_entry r where r.organization_id = e.organization_id and r.lane = e.lane and r.seq = e.seq '
            'and r.group_name = ''%1$s'' and r.number = 1) = e.%1$s_digest and (select r.new_digest from pgtrail.redaction_entry r '
            'where r.organization_id = e.organization_id and r.lane = e.lane and r.seq = e.seq and r.group_name = ''%1$s'' '
            'order by r.number desc limit 1) = %2$s, false) end', g.name, g.digest), ' and ' order by g.name desc) || ')'
        from pgtrail.group_digests() g);
end
$$;
comment on function pgtrail.redaction_condition() is 'The condition that stored digests are what redactions recorded, as SQL';
revoke all on function pgtrail.redaction_condition() from public;
