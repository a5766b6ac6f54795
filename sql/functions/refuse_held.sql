-- Refuses to take away a whole partition, or what `condition` says of it, while a hold is on any of its events. To be called under the
-- lock of the act chain: no hold comes after it.
create or replace function pgtrail.refuse_held(partition regclass, condition text default 'true') returns void
language plpgsql stable parallel unsafe
set search_path = pg_catalog, pg_temp
as $$
declare
    held bigint;
    cases text;
begin
    if not exists (select from pgtrail.hold h where h.released_seq is null and (h.expires_at is null or h.expires_at > now())) then
        return;
    end if;
    execute format('select count(*) from only %s e where (%s) and %s', partition, condition, pgtrail.hold_condition()) into held;
    if held > 0 then
        -- The first that are found: to look for all would keep everybody waiting for the lock.
        execute format('select string_agg(distinct c.case_id, '', '') from (select h.case_id from only %s e join pgtrail.hold h '
            'on h.released_seq is null and (h.expires_at is null or h.expires_at > now()) and %s where (%s) limit 1000) c',
            partition, pgtrail.hold_fits(), condition) into cases;
        raise exception using errcode = 'TR016',
            message = format('%s of %s %s under a legal hold: %s', case held when 1 then '1 event' else held || ' events' end,
                (select c.relname from pg_class c where c.oid = partition),
                case held when 1 then 'is' else 'are' end, left(cases, 200)),
            hint = 'Nothing was changed; pgtrail hold list says what is held, and pgtrail hold release ends it.';
    end if;
end
$$;
comment on function pgtrail.refuse_held(regclass, text) is 'Refuses to take away events under a hold';
revoke all on function pgtrail.refuse_held(regclass, text) from public;
