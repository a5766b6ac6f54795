-- Triggers of the tables that are evidence. Re-applied whole; a new partition gets its own from create_partition.
create or replace trigger pgtrail_seal before insert on pgtrail.event
    for each row execute function pgtrail.seal_event();
create or replace trigger pgtrail_guard before update or delete or truncate on pgtrail.event
    for each statement execute function pgtrail.guard('DELETE purge', 'UPDATE redact');
create or replace trigger pgtrail_guard before update or delete or truncate on pgtrail.act
    for each statement execute function pgtrail.guard();
create or replace trigger pgtrail_guard before update or delete or truncate on pgtrail.log
    for each statement execute function pgtrail.guard('UPDATE incarnation');

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
