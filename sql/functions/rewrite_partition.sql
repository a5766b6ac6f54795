-- Builds a partition anew with all of its rows, and drops the old one: what was replaced in it is then in none of its files, nor in those of
-- its indexes and of its large values. No event changes, so there is no act. As purge_partition does it: nobody has to wait until
-- the new table takes the place of the old one, and what arrived meanwhile comes along. Detached ones too, and DEFAULT.
create or replace function pgtrail.rewrite_partition(partition_name text, patience interval default '30 seconds') returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set timezone = 'UTC'
set datestyle = 'ISO, YMD'
as $$
declare
    deciding constant text[] := array['purge', 'restore', 'redact', 'detach', 'attach'];
    newest_act bigint;
    partition record;
    temporary text;
    built record;
    late bigint := 0;
begin
    -- Who changes partitions has read them before: two at once would each keep the other from locking them.
    perform pgtrail.await_lock(-8, patience);
    select max(a.seq) into newest_act from pgtrail.act a where a.organization_id = 'pgtrail' and a.kind = any (deciding);
    select p.*, p.oid::regclass as relation into partition from pgtrail.partitions() p where p.name = partition_name;
    if not found then
        raise exception using errcode = 'undefined_table', message = format('there is no partition %s', partition_name),
            hint = 'Nothing was changed; pgtrail partition list tells all.';
    end if;
    temporary := left(partition.name, 50) || '_rewritten';
    select b.* into built from pgtrail.build_partition(temporary, partition.relation, '',
        case when partition.attached then coalesce(pg_get_partition_constraintdef(partition.oid), 'true')
        else format('occurred_at is not null and occurred_at >= %L::timestamptz and occurred_at < %L::timestamptz', partition.since, partition.until)
        end) b;
    perform pgtrail.lock_partitions(array(
        select p.oid::regclass from pgtrail.partitions() p where p.oid = partition.oid or p.is_default and partition.attached), patience);
    if newest_act is distinct from (
        select max(a.seq) from pgtrail.act a where a.organization_id = 'pgtrail' and a.kind = any (deciding))
    then
        raise exception using errcode = 'serialization_failure', message = format('something was decided while %s was built', partition.name),
            hint = 'Nothing was changed. Run it again.';
    end if;
    if partition.attached then
        execute format('insert into pgtrail.%I select e.* from pgtrail.late_events($1, $2, $3, $4) l join only %s e on e.ctid = l.place '
            'on conflict do nothing', temporary, partition.relation)
        using partition.relation, built.organizations, built.lanes, built.seqs;
        get diagnostics late = row_count;
    end if;
    execute format('drop table %s', partition.relation);
    perform pgtrail.join_partition(temporary, partition.name, case when not partition.attached then null
        when partition.is_default then 'default'
        else format('for values from (%s) to (%s)', coalesce(quote_literal(nullif(partition.since, '-infinity')), 'minvalue'),
            coalesce(quote_literal(nullif(partition.until, 'infinity')), 'maxvalue')) end);
    if not partition.attached then
        -- As detach_partition leaves it: nothing may come into it.
        execute format('create trigger pgtrail_closed before insert on pgtrail.%I for each statement execute function '
            'pgtrail.guard(''INSERT attach'')', partition.name);
    end if;
    return built.added + late;
end
$$;
comment on function pgtrail.rewrite_partition(text, interval) is 'Builds a partition anew, so that its old files go';
revoke all on function pgtrail.rewrite_partition(text, interval) from public;
