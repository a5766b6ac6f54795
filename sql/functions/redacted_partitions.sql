-- Partitions whose files may still have values that were redacted: a row that was redacted after its table was made left its former version
-- behind. What `rewrite_partition` has built is as old as its rows. So whoever was stopped half-way is told what is left.
create or replace function pgtrail.redacted_partitions() returns setof text
language plpgsql stable security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
declare
    partition record;
    found_any boolean;
begin
    if not exists (select from pgtrail.redaction_entry) then
        return;
    end if;
    for partition in select p.name, p.oid, p.oid::regclass as relation from pgtrail.partitions() p order by p.is_default, p.since, p.name loop
        execute format('select exists (select from only %s e where (e.identity_digest is not null or e.content_digest is not null) '
            'and age(e.xmin) < (select age(a.xmin) from pg_attribute a where a.attrelid = %L::regclass and a.attname = ''tableoid''))',
            partition.relation, partition.relation)
        into found_any;
        if found_any then
            return next partition.name;
        end if;
    end loop;
end
$$;
comment on function pgtrail.redacted_partitions() is 'Partitions whose files may still have redacted values';
revoke all on function pgtrail.redacted_partitions() from public;
