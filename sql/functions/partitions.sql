-- All partitions with their bounds, also those that were detached. Of DEFAULT, and where a bound is open, infinity. The bounds are written
-- without the name of the table, which would wait for whoever has locked it.
create or replace function pgtrail.partitions()
returns table (name text, oid oid, since timestamptz, until timestamptz, is_default boolean, attached boolean)
language sql stable parallel restricted
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set datestyle = 'ISO, YMD'
as $$
    select b.name, b.oid,
        coalesce(nullif(btrim(b.bound[1], ''''), 'MINVALUE'), '-infinity')::timestamptz,
        coalesce(nullif(btrim(b.bound[2], ''''), 'MAXVALUE'), 'infinity')::timestamptz,
        b.is_default, true
    from (
        select c.relname::text as name, c.oid, pg_get_expr(c.relpartbound, 0) = 'DEFAULT' as is_default,
            regexp_match(pg_get_expr(c.relpartbound, 0), '^FOR VALUES FROM [(](.*)[)] TO [(](.*)[)]$') as bound
        from pg_inherits i
        join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'pgtrail.event'::regclass
    ) b
    union all
    select d.name, c.oid, d.since, d.until, false, false
    from pgtrail.detached_partition d
    join pg_class c on c.relname = d.name and c.relnamespace = 'pgtrail'::regnamespace and c.relkind = 'r'
$$;
comment on function pgtrail.partitions() is 'All partitions and their bounds';
revoke all on function pgtrail.partitions() from public;
