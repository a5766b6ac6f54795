-- Brings the events of an archive back into the table, from pg_temp.pgtrail_restored, and records it. They are judged by nothing but
-- themselves: the hash of each, the links between them, and that the records of a purge, made of them anew, have the digest that the act of
-- the purge has. So no other event, and none that was altered, comes in, whoever brings it, and what was redacted never comes back. The
-- record of the purge stays, and from now on takes nothing out of the chain. READ COMMITTED only.
-- Where their partition is there and has no events, as after an archive of a whole one, it is built anew with them and takes the place of the
-- empty one: an index of many rows is built several times faster than it grows. `patience`: how long to wait for the moment of that.
create or replace function pgtrail.restore_archive(
    name text, reason text, requested_by text default null, patience interval default '30 seconds', out seq bigint, out events bigint
)
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set timezone = 'UTC'
set datestyle = 'ISO, YMD'
set work_mem = '64MB'
set jit = off
as $$
#variable_conflict use_column
declare
    deciding constant text[] := array['purge', 'restore', 'redact', 'detach', 'attach'];
    stage constant regclass := to_regclass('pg_temp.pgtrail_restored');
    archive pgtrail.archive;
    staged record;
    newest_act bigint;
    home record;
    empty boolean;
    temporary text;
    built record;
begin
    if coalesce(btrim(restore_archive.reason, E' \t\r\n'), '') = '' or length(restore_archive.reason) > 2000
        or length(restore_archive.requested_by) > 200
    then
        raise exception using errcode = 'TR009', hint = 'Nothing was restored.',
            message = 'a restore takes a reason, of 2000 characters at most, and who asked for it in 200';
    elsif current_setting('transaction_isolation') <> 'read committed' then
        raise exception using errcode = 'feature_not_supported', message = 'an archive is restored at the isolation level read committed',
            hint = 'Nothing was restored.';
    elsif not exists (
        select from pg_class c
        where c.oid = stage and c.relkind = 'r'
            and c.relowner = (select r.oid from pg_roles r where r.rolname = current_user))
    then
        raise exception using errcode = 'object_not_in_prerequisite_state', hint = 'Nothing was restored.',
            message = 'pg_temp.pgtrail_restored is not the table that pgtrail.restore_stage() makes';
    end if;
    -- Two at once would wait for each other's locks, one of them where PostgreSQL does not see it.
    begin
        select a.* into archive from pgtrail.archive a where a.name = restore_archive.name for update nowait;
    exception when lock_not_available then
        raise exception using errcode = 'lock_not_available', message = format('another run restores or removes %s', restore_archive.name),
            hint = 'Nothing was restored; wait until it is over: pgtrail archive list.';
    end;
    if not found then
        raise exception using errcode = 'undefined_object', message = format('there is no archive %s', restore_archive.name),
            hint = 'Nothing was restored; pgtrail archive list tells all.';
    elsif archive.restored_seq is not null then
        raise exception using errcode = 'TR011', hint = 'Nothing was changed.',
            message = format('act %s brought the events of %s back into the table', archive.restored_seq, archive.name);
    end if;

    select r.* into staged from pgtrail.staged_records() r;
    events := staged.events;
    if (staged.sound and staged.digest = (select a.digest from pgtrail.act a
        where a.organization_id = 'pgtrail' and a.seq = archive.act_seq and a.kind = 'purge')) is not true
    then
        raise exception using errcode = 'TR017',
            message = format('these events are not the ones that act %s took out of the log into %s', archive.act_seq, archive.name),
            hint = 'Nothing was restored; pgtrail archive verify tells what is wrong with the archive.';
    elsif staged.vouched is not true then
        raise exception using errcode = 'TR017',
            message = format('values that stand in %s are not those that redactions of its events left', archive.name),
            hint = format('Nothing was restored: what was erased does not come back. pgtrail verify --archive %s tells where; pgtrail archive remove %s removes it.',
                archive.location, archive.name);
    end if;

    begin
        if events >= 1000 then
            -- Before the partitions are read: whoever changes them comes before or after.
            perform pgtrail.await_lock(-8, patience);
            select max(a.seq) into newest_act from pgtrail.act a where a.organization_id = 'pgtrail' and a.kind = any (deciding);
            select p.*, p.oid::regclass as relation into home from pgtrail.partitions() p
            where p.attached and not p.is_default and p.since <= staged.oldest and p.until > staged.newest
                -- To attach a partition PostgreSQL reads DEFAULT under the lock.
                and not exists (select from pgtrail.partitions() d where d.is_default and pg_relation_size(d.oid) > 67108864);
            if home.relation is not null then
                execute format('select not exists (select from only %s)', home.relation) into empty;
            end if;
        end if;
        if empty then
            temporary := left(home.name, 50) || '_rewritten';
            select b.* into built from pgtrail.build_partition(temporary, home.relation, '', pg_get_partition_constraintdef(home.oid),
                beside => stage) b;
            perform pgtrail.lock_partitions(array(
                select p.oid::regclass from pgtrail.partitions() p where p.oid = home.oid or p.is_default and p.attached), patience, true);
            if newest_act is distinct from (
                select max(a.seq) from pgtrail.act a where a.organization_id = 'pgtrail' and a.kind = any (deciding))
            then
                raise exception using errcode = 'serialization_failure', hint = 'Nothing was restored. Run it again.',
                    message = format('something was decided while %s was built', home.name);
            end if;
            execute format('insert into pgtrail.%I select e.* from pgtrail.late_events($1, $2, $3, $4) l join only %s e on e.ctid = l.place '
                'on conflict do nothing', temporary, home.relation)
            using home.relation, built.organizations, built.lanes, built.seqs;
        else
            insert into pgtrail.sealing values (pg_current_xact_id());
            insert into pgtrail.event select e.* from only pg_temp.pgtrail_restored e;
            delete from pgtrail.sealing s where s.transaction_id = pg_current_xact_id();
        end if;
    exception when unique_violation then
        raise exception using errcode = 'TR017', hint = 'Nothing was restored; pgtrail verify tells what is there.',
            message = format('events stand in the table at places of %s, which were purged', archive.name);
    end;
    seq := pgtrail.record_act('restore', jsonb_build_object('archive', archive.name, 'purge', archive.act_seq, 'events', events,
        'schema', null, 'reason', restore_archive.reason, 'requested_by', restore_archive.requested_by));
    update pgtrail.purge p set restored_seq = restore_archive.seq where p.act_seq = archive.act_seq;
    update pgtrail.archive a set restored_seq = restore_archive.seq where a.act_seq = archive.act_seq;
    if temporary is not null then
        execute format('drop table %s', home.relation);
        perform pgtrail.join_partition(temporary, home.name, format('for values from (%s) to (%s)',
            coalesce(quote_literal(nullif(home.since, '-infinity')), 'minvalue'), coalesce(quote_literal(nullif(home.until, 'infinity')), 'maxvalue')));
    end if;
    -- Of days that the purge left nothing of, the summaries have no rows; they are counted all the same.
    if exists (select from pgtrail.summary_cursor) then
        perform pg_advisory_xact_lock(1885828210, -5);
        insert into pgtrail.summary_recount
        select d.organization_id, d.day, false
        from (select distinct e.organization_id, (e.occurred_at at time zone 'UTC')::date as day from only pg_temp.pgtrail_restored e) d
        where exists (select from pgtrail.summary_cursor c where c.organization_id = d.organization_id)
        on conflict (organization_id, day) do update set compares = false;
        perform pgtrail.forget_summary(p.organization_id, min(p.oldest_occurred_at), max(p.newest_occurred_at))
        from pgtrail.purge p where p.act_seq = archive.act_seq group by p.organization_id;
    end if;
end
$$;
comment on function pgtrail.restore_archive(text, text, text, interval) is 'Brings the events of an archive back';
revoke all on function pgtrail.restore_archive(text, text, text, interval) from public;
