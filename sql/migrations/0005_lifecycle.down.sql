-- Takes back the rules of retention, the holds, and the memory of what was detached.
do $$
declare
    lost text;
begin
    -- A rule that was ended keeps what it kept for a grace more.
    select concat_ws(', ',
        (select 'holds in force: ' || count(*) from pgtrail.hold h
            where h.released_seq is null and (h.expires_at is null or h.expires_at > now()) having count(*) > 0),
        (select 'rules of retention: ' || count(*) from pgtrail.retention_rule r
            where r.act_seq > 0 and r.counts_until > now() - interval '24 hours'
                * coalesce((select rtrim(s.value, 'd')::int from pgtrail.setting s where s.name = 'retention-grace'), 7)
            having count(*) > 0))
    into lost;
    if exists (select from pgtrail.detached_partition) then
        raise exception using errcode = 'object_not_in_prerequisite_state',
            message = 'partitions are detached, of which an older pgtrail knows nothing: their events would be missing',
            hint = 'Nothing was lost. pgtrail partition attach, then migrate down again.';
    elsif lost <> '' and current_setting('pgtrail.confirmed', true) is distinct from current_database() then
        raise exception using errcode = 'object_not_in_prerequisite_state',
            message = format('what migration 0005_lifecycle holds would be lost (%s): an older pgtrail keeps nothing because of them, nor does '
                'this one after another migrate up', lost),
            hint = 'Nothing was lost. To lose it, run it with --confirm and the name of the database.';
    end if;
end
$$;
drop table pgtrail.retention_rule, pgtrail.hold, pgtrail.detached_partition, pgtrail.retention_run;
