-- What an erasure leaves outside of the partitions: rows that were taken away from the summaries of actors, from the batches of the last day
-- (a digest of values), from restrictions, from holds that are over, from whom pseudonyms stand for, and, where `storage`, from archives in the database itself, are in files until something writes
-- over them. Writes these tables anew, and gathers statistics anew, of which a column's most common values are a part: those
-- of an empty table stay as they were, so they are dropped. The old rows of statistics are in the file of pg_statistic itself: VACUUM FULL.
create or replace function pgtrail.rewrite_summary(storage boolean default false, patience interval default '30 seconds') returns void
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
declare
    deadline constant timestamptz := clock_timestamp() + patience;
    before constant text := current_setting('lock_timeout');
begin
    perform pgtrail.lock_summary();
    loop
        begin
            -- Whoever appends gets his turn: nobody waits in a queue behind this lock for longer than that.
            set local lock_timeout = '100ms';
            lock table pgtrail.append_batch, pgtrail.summary_actor, pgtrail.subject_restriction, pgtrail.hold, pgtrail.pseudonym in access exclusive mode;
            if storage then
                lock table pgtrail.archive_storage, pgtrail.archive_storage_part in access exclusive mode;
            end if;
            exit;
        exception when lock_not_available or deadlock_detected then
            if clock_timestamp() >= deadline then
                raise exception using errcode = 'lock_not_available',
                    message = format('the summaries and batches could not be locked within %s s', round(extract(epoch from patience)::numeric, 1)),
                    hint = 'Nothing was changed. Run it again, with more --patience.';
            end if;
        end;
        perform pg_sleep(0.2);
    end loop;
    perform set_config('lock_timeout', before, true);
    create temporary table pgtrail_kept_actor on commit drop as select * from pgtrail.summary_actor;
    truncate pgtrail.summary_actor;
    insert into pgtrail.summary_actor select * from pg_temp.pgtrail_kept_actor;
    drop table pg_temp.pgtrail_kept_actor;
    create temporary table pgtrail_kept_batch on commit drop as select * from pgtrail.append_batch;
    truncate pgtrail.append_batch;
    insert into pgtrail.append_batch select * from pg_temp.pgtrail_kept_batch;
    drop table pg_temp.pgtrail_kept_batch;
    -- A guard keeps these, and what they have is evidence: their rows are moved, not touched.
    -- Verbose: the caller is told how many dead rows it had to keep, because a transaction of before may want to see them.
    cluster verbose pgtrail.subject_restriction using subject_restriction_pkey;
    alter table pgtrail.subject_restriction set without cluster;
    cluster verbose pgtrail.hold using hold_pkey;
    alter table pgtrail.hold set without cluster;
    analyze pgtrail.hold;
    cluster verbose pgtrail.pseudonym using pseudonym_pkey;
    alter table pgtrail.pseudonym set without cluster;
    alter table pgtrail.pseudonym alter column pseudonym type text collate "C", alter column lookup type bytea, alter column original type bytea;
    analyze pgtrail.pseudonym;
    if storage then
        cluster verbose pgtrail.archive_storage using archive_storage_pkey;
        alter table pgtrail.archive_storage set without cluster;
        cluster verbose pgtrail.archive_storage_part using archive_storage_part_pkey;
        alter table pgtrail.archive_storage_part set without cluster;
    end if;
    alter table pgtrail.summary_actor alter column actor_id type text collate "C";
    analyze pgtrail.summary_actor;
end
$$;
comment on function pgtrail.rewrite_summary(boolean, interval) is 'Writes the summaries of actors anew, so that their old files go';
revoke all on function pgtrail.rewrite_summary(boolean, interval) from public;

