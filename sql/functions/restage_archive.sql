-- Makes the rows of an archive in pg_temp.pgtrail_restored what the log has of them, before they are searched for a subject: `changed` events
-- came back into the log and were redacted there since, and stand here as they do there. `stale` are rows of which the log knows a redaction
-- that they do not have, or the other way around, and that the log itself has no more: nobody can make of them what was recorded.
create or replace function pgtrail.restage_archive(name text, out changed bigint, out stale bigint)
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set work_mem = '64MB'
set jit = off
as $$
#variable_conflict use_column
declare
    stage constant regclass := to_regclass('pg_temp.pgtrail_restored');
    condition constant text := pgtrail.redaction_condition();
    archive pgtrail.archive;
    stage_indexes constant bigint := (select count(*) from pg_index i where i.indrelid = stage);
    home record;
    n bigint;
begin
    if not exists (
        select from pg_class c
        where c.oid = stage and c.relkind = 'r' and c.relowner = (select r.oid from pg_roles r where r.rolname = current_user))
    then
        raise exception using errcode = 'object_not_in_prerequisite_state', hint = 'Nothing was changed.',
            message = 'pg_temp.pgtrail_restored is not the table that pgtrail.restore_stage() makes';
    end if;
    select a.* into archive from pgtrail.archive a where a.name = restage_archive.name;
    if not found then
        raise exception using errcode = 'undefined_object', message = format('there is no archive %s', restage_archive.name),
            hint = 'Nothing was changed; pgtrail archive list tells all.';
    end if;
    changed := 0;
    if archive.restored_seq is not null then
        for home in
            select p.oid::regclass as relation from pgtrail.partitions() p
            where p.is_default or p.since <= archive.newest_occurred_at and p.until > archive.oldest_occurred_at
        loop
            execute format($q$
                with gone as (
                    delete from only pg_temp.pgtrail_restored s
                    using only %1$s e
                    where e.organization_id = s.organization_id and e.lane = s.lane and e.seq = s.seq and e.hash = s.hash
                        and (e.identity_digest, e.content_digest, e.identity_salt, e.content_salt)
                            is distinct from (s.identity_digest, s.content_digest, s.identity_salt, s.content_salt)
                        and %2$s and %3$s
                    returning e.*
                )
                insert into pg_temp.pgtrail_restored select g.* from gone g $q$, home.relation, pgtrail.hash_condition(), condition);
            get diagnostics n = row_count;
            changed := changed + n;
        end loop;
    end if;
    execute format('select count(*) from only pg_temp.pgtrail_restored e where (%s) is not true', condition) into stale;
    -- As those of a partition: it is searched in one organization of the log after the other, most of which it has nothing of.
    if stage_indexes = 0 then
        create index on pg_temp.pgtrail_restored (organization_id, left(actor_id, 300));
        create index on pg_temp.pgtrail_restored (organization_id, left(session_id, 300)) where session_id is not null;
        create index on pg_temp.pgtrail_restored (organization_id, left(resource_type, 100), left(resource_id, 300)) where resource_id is not null;
        analyze pg_temp.pgtrail_restored;
    end if;
end
$$;
comment on function pgtrail.restage_archive(text) is 'Makes the rows of an archive what the log has of them';
revoke all on function pgtrail.restage_archive(text) from public;
