-- Triggers of the tables that are evidence. Re-applied whole; a new partition gets its own from create_partition.
create or replace trigger pgtrail_seal before insert on pgtrail.event
    for each row execute function pgtrail.seal_event();
create or replace trigger pgtrail_guard before update or delete or truncate on pgtrail.event
    for each statement execute function pgtrail.guard('DELETE purge', 'UPDATE redact');
create or replace trigger pgtrail_guard before update or delete or truncate on pgtrail.act
    for each statement execute function pgtrail.guard();
create or replace trigger pgtrail_guard before update or delete or truncate on pgtrail.log
    for each statement execute function pgtrail.guard('UPDATE incarnation');
create or replace trigger pgtrail_guard before update or delete or truncate on pgtrail.incarnation
    for each statement execute function pgtrail.guard();
create or replace trigger pgtrail_guard before update or delete or truncate on pgtrail.loss
    for each statement execute function pgtrail.guard();
create or replace trigger pgtrail_guard before update or delete or truncate on pgtrail.act_signature
    for each statement execute function pgtrail.guard();
create or replace trigger pgtrail_guard before update or delete or truncate on pgtrail.organization_reader
    for each statement execute function pgtrail.guard('DELETE revoke');
create or replace trigger pgtrail_guard before update or delete or truncate on pgtrail.purge
    for each statement execute function pgtrail.guard('UPDATE restore');
create or replace trigger pgtrail_guard before update or delete or truncate on pgtrail.archive
    for each statement execute function pgtrail.guard('UPDATE restore', 'UPDATE remove_archive', 'UPDATE redact');
create or replace trigger pgtrail_guard before update or delete or truncate on pgtrail.archive_kind
    for each statement execute function pgtrail.guard();
create or replace trigger pgtrail_guard before update or delete or truncate on pgtrail.retention_rule
    for each statement execute function pgtrail.guard('UPDATE retention');
create or replace trigger pgtrail_guard before update or delete or truncate on pgtrail.hold
    for each statement execute function pgtrail.guard('UPDATE release', 'UPDATE redact');
create or replace trigger pgtrail_guard before update or delete or truncate on pgtrail.detached_partition
    for each statement execute function pgtrail.guard('DELETE attach', 'DELETE purge');
create or replace trigger pgtrail_guard before update or delete or truncate on pgtrail.redaction_entry
    for each statement execute function pgtrail.guard();
create or replace trigger pgtrail_guard before update or delete or truncate on pgtrail.redaction
    for each statement execute function pgtrail.guard('UPDATE redact');
create or replace trigger pgtrail_guard before update or delete or truncate on pgtrail.subject_rule
    for each statement execute function pgtrail.guard('UPDATE subject_rule');
create or replace trigger pgtrail_guard before update or delete or truncate on pgtrail.subject_restriction
    for each statement execute function pgtrail.guard('DELETE unrestrict');

-- A constraint trigger cannot be replaced, and to drop it would wait for every verification that reads the acts: made where it is not as here.
do $$
begin
    if not exists (
        select from pg_trigger g
        where g.tgrelid = 'pgtrail.act'::regclass and g.tgname = 'pgtrail_signature' and g.tgtype = 5 and g.tgenabled = 'O'
            and g.tgdeferrable and g.tginitdeferred and g.tgqual is null and g.tgnargs = 0
            and g.tgfoid = 'pgtrail.check_signature()'::regprocedure
    ) then
        drop trigger if exists pgtrail_signature on pgtrail.act;
        create constraint trigger pgtrail_signature after insert on pgtrail.act deferrable initially deferred
            for each row execute function pgtrail.check_signature();
    end if;
end
$$;

do $$
begin
    if not exists (
        select from pg_trigger g
        where g.tgrelid = 'pgtrail.redacting'::regclass and g.tgname = 'pgtrail_recorded' and g.tgtype = 5 and g.tgenabled = 'O'
            and g.tgdeferrable and g.tginitdeferred and g.tgqual is null and g.tgnargs = 0
            and g.tgfoid = 'pgtrail.check_redacting()'::regprocedure
    ) then
        drop trigger if exists pgtrail_recorded on pgtrail.redacting;
        create constraint trigger pgtrail_recorded after insert on pgtrail.redacting deferrable initially deferred
            for each row execute function pgtrail.check_redacting();
    end if;
end
$$;

-- A statement trigger of the parent says nothing about its partitions.
do $$
declare
    child regclass;
begin
    for child in select i.inhrelid from pg_inherits i where i.inhparent = 'pgtrail.event'::regclass loop
        execute format(
            'create or replace trigger pgtrail_guard before update or delete or truncate on %s '
            'for each statement execute function pgtrail.guard(''DELETE purge'', ''UPDATE redact'')', child);
    end loop;
end
$$;
