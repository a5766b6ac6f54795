-- Takes an advisory lock of pgtrail for the rest of the transaction, and says who has it where it does not become free within `patience`:
-- -1 is that of the act chain, -8 that of changes of partitions. Those come one after the other: two that have read the same partition
-- would each keep the other from locking it.
create or replace function pgtrail.await_lock(second_key int, patience interval) returns void
language plpgsql volatile security invoker parallel unsafe
set search_path = pg_catalog, pg_temp
as $$
declare
    before constant text := current_setting('lock_timeout');
    holders text;
begin
    -- What an old snapshot does not see would be left behind.
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception using errcode = 'feature_not_supported', message = 'partitions are changed at the isolation level read committed',
            hint = 'Nothing was changed.';
    end if;
    if pg_try_advisory_xact_lock(1885828210, second_key) then
        return;
    end if;
    begin
        perform set_config('lock_timeout', ceil(greatest(extract(epoch from patience), 0.001) * 1000)::bigint::text, true);
        perform pg_advisory_xact_lock(1885828210, second_key);
        perform set_config('lock_timeout', before, true);
        return;
    exception when lock_not_available then
        null;
    end;
    select string_agg(distinct format('process %s (%s)', l.pid, concat_ws(', ', a.usename, nullif(a.application_name, ''))), '; ')
    into holders
    from pg_locks l
    join pg_stat_activity a using (pid)
    where l.locktype = 'advisory' and l.granted and l.pid <> pg_backend_pid() and l.objsubid = 2
        and l.database = (select d.oid from pg_database d where d.datname = current_database())
        and l.classid = 1885828210 and l.objid::bigint = second_key + 4294967296;
    raise exception using errcode = 'lock_not_available',
        message = format('%s within %s s, held by: %s', case second_key when -8 then 'another change of partitions was not over'
            else 'the chain of acts did not become free' end, round(extract(epoch from patience)::numeric, 1), coalesce(holders, 'nobody any more')),
        hint = 'Nothing was changed. Run it again, with more --patience, or when they are done.';
end
$$;
comment on function pgtrail.await_lock(int, interval) is 'Waits for an advisory lock with patience';
revoke all on function pgtrail.await_lock(int, interval) from public;
