-- Makes a table of its own with rows of `source` (as `e`, chosen by `tail`: joins with $1, and a condition), their indexes, and the bounds
-- that it shall have: to be attached without being read again. Nobody else sees it before the transaction commits, and nothing of it is
-- left when that does not. Tells the heads of the lanes at the moment when the rows were read. `beside`: all rows of that table come in too.
create or replace function pgtrail.build_partition(
    partition_name text, source regclass, tail text, bounds text, records pgtrail.purge[] default null, beside regclass default null,
    out added bigint, out organizations text[], out lanes smallint[], out seqs bigint[]
)
language plpgsql volatile security invoker parallel unsafe
set search_path = pg_catalog, pg_temp
set maintenance_work_mem = '128MB'
as $$
declare
    i record;
begin
    execute format('create table pgtrail.%I (like %s including defaults including storage including compression)%s', partition_name,
        source, (select format(' tablespace %I', t.spcname) from pg_class c join pg_tablespace t on t.oid = c.reltablespace where c.oid = source));
    execute format('with copied as (insert into pgtrail.%I select e.* from only %s e %s returning 1) '
        'select (select count(*) from copied), array_agg(h.organization_id order by h.organization_id, h.lane), '
        'array_agg(h.lane order by h.organization_id, h.lane), array_agg(h.seq order by h.organization_id, h.lane) '
        'from pgtrail.newest_heads() h', partition_name, source, tail)
    into added, organizations, lanes, seqs
    using records;
    if beside is not null then
        execute format('insert into pgtrail.%I select e.* from only %s e', partition_name, beside);
    end if;
    -- After the rows, and those that somebody added to the partition too.
    for i in
        select x.indisprimary, x.indisunique, pg_get_indexdef(x.indexrelid) as definition,
            format('CREATE %sINDEX %I ON %s%I.%I ', case when x.indisunique then 'UNIQUE ' end, c.relname,
                case when t.relkind = 'p' then 'ONLY ' end, n.nspname, t.relname) as head
        from pg_index x
        join pg_class c on c.oid = x.indexrelid
        join pg_class t on t.oid = x.indrelid
        join pg_namespace n on n.oid = t.relnamespace
        where x.indrelid = source and x.indisvalid
        order by x.indisprimary desc, c.relname
    loop
        if i.indisprimary then
            execute format('alter table pgtrail.%I add primary key (organization_id, lane, seq, occurred_at)', partition_name);
        elsif starts_with(i.definition, i.head) then
            execute format('create %s index on pgtrail.%I %s', case when i.indisunique then 'unique' end, partition_name,
                substr(i.definition, length(i.head) + 1));
        end if;
    end loop;
    execute format('alter table pgtrail.%I add constraint pgtrail_bounds check (%s)', partition_name, bounds);
    perform pgtrail.dress_partition(partition_name);
end
$$;
comment on function pgtrail.build_partition(text, regclass, text, text, pgtrail.purge[], regclass) is 'Makes a table to be attached';
revoke all on function pgtrail.build_partition(text, regclass, text, text, pgtrail.purge[], regclass) from public;
