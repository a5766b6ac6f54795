-- Attaches a table that build_partition has made, under the name that it and its indexes shall have; its check of the bounds spares the reading, and goes.
-- `bound` null: it takes the place of a detached partition, and keeps that check.
create or replace function pgtrail.join_partition(built text, partition_name text, bound text) returns void
language plpgsql volatile security invoker parallel unsafe
set search_path = pg_catalog, pg_temp
as $$
declare
    index record;
begin
    if built <> partition_name then
        execute format('alter table pgtrail.%I rename to %I', built, partition_name);
        for index in
            select c.relname as name, partition_name || substr(c.relname, length(built) + 1) as wanted
            from pg_index x
            join pg_class c on c.oid = x.indexrelid
            where x.indrelid = format('pgtrail.%I', partition_name)::regclass and starts_with(c.relname, built || '_')
        loop
            if to_regclass(format('pgtrail.%I', index.wanted)) is null then
                execute format('alter index pgtrail.%I rename to %I', index.name, index.wanted);
            end if;
        end loop;
    end if;
    if bound is null then
        return;
    end if;
    execute format('alter table pgtrail.event attach partition pgtrail.%I %s', partition_name, bound);
    execute format('alter table pgtrail.%I drop constraint pgtrail_bounds', partition_name);
end
$$;
comment on function pgtrail.join_partition(text, text, text) is 'Attaches a table that was built';
revoke all on function pgtrail.join_partition(text, text, text) from public;
