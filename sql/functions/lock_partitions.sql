-- Takes the act chain's lock, and locks pgtrail.event and some of its partitions against everybody, for the rest of the transaction: waits a
-- tenth of a second for them, gives way to who writes or acts, and tries again after a while, until `patience` is over. Then it says who
-- holds them. Whoever gives way holds none of these locks while he does. `forgets`: the summaries are forgotten after: who counts them reads
-- events under their lock, so that it must be taken before the partitions are.
create or replace function pgtrail.lock_partitions(partitions regclass[], patience interval, forgets boolean default false) returns void
language plpgsql volatile security invoker parallel unsafe
set search_path = pg_catalog, pg_temp
as $$
declare
    deadline constant timestamptz := clock_timestamp() + patience;
    before constant text := current_setting('lock_timeout');
    pause float8 := 0.05;
    partition regclass;
    holders text;
begin
    loop
        begin
            set local lock_timeout = '100ms';
            perform pg_advisory_xact_lock(1885828210, -1);
            if forgets then
                perform pg_advisory_xact_lock(1885828210, -5);
            end if;
            lock table only pgtrail.event in access exclusive mode;
            -- From here on none comes and none goes.
            if exists (select from unnest(partitions) p where not exists (select from pg_class c where c.oid = p)) then
                raise exception using errcode = 'serialization_failure', message = 'a partition was replaced meanwhile',
                    hint = 'Nothing was changed. Run it again.';
            end if;
            foreach partition in array partitions loop
                execute format('lock table only %s in access exclusive mode', partition);
            end loop;
            perform set_config('lock_timeout', before, true);
            return;
        exception when lock_not_available or deadlock_detected then
            null;
        end;
        -- An interrupted wait leaves no trace of who was waited for: they are asked for where they still stand in the way.
        if clock_timestamp() >= deadline then
            -- Those that have been at it for the longest come first; a prepared transaction has no process.
            select string_agg(h.holder, '; ' order by h.began) into holders
            from (
                select min(coalesce(a.xact_start, x.prepared)) as began,
                    case when l.pid is null then format('prepared transaction %s', x.gid)
                        else format('process %s (%s)', l.pid, concat_ws(', ', a.usename, nullif(a.application_name, ''))) end as holder
                from pg_locks l
                left join pg_stat_activity a using (pid)
                left join pg_locks t on l.pid is null and t.pid is null and t.locktype = 'transactionid' and t.virtualtransaction = l.virtualtransaction
                left join pg_prepared_xacts x on x.transaction = t.transactionid
                where l.granted and l.pid is distinct from pg_backend_pid()
                    and l.database = (select d.oid from pg_database d where d.datname = current_database())
                    and (l.locktype = 'relation' and (l.relation = 'pgtrail.event'::regclass or l.relation = any (partitions))
                        -- The second keys -1 and -5, as an oid shows them.
                        or l.locktype = 'advisory' and l.classid = 1885828210 and l.objsubid = 2
                            and (l.objid = 4294967295 or forgets and l.objid = 4294967291))
                group by 2
                order by 1
                limit 5
            ) h;
            raise exception using errcode = 'lock_not_available',
                message = format('the partitions could not be locked within %s s, held by: %s', round(extract(epoch from patience)::numeric, 1),
                    coalesce(holders, 'nobody any more')),
                hint = 'Nothing was changed. Run it again, with more --patience, or when they are done.';
        end if;
        perform pg_sleep(least(pause, extract(epoch from deadline - clock_timestamp())) * (0.5 + random() / 2));
        pause := least(pause * 2, 2);
    end loop;
end
$$;
comment on function pgtrail.lock_partitions(regclass[], interval, boolean) is 'Locks partitions with patience';
revoke all on function pgtrail.lock_partitions(regclass[], interval, boolean) from public;
