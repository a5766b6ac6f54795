-- Tells which of an array of events pgtrail.append would refuse (the first is number 1), and why. Appends nothing.
create or replace function pgtrail.check_events(events jsonb) returns table (number bigint, reason text)
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set standard_conforming_strings = on
as $$
begin
    for number, reason in
        select j.n, pgtrail.explain_refusal(j.event::text, 'ndjson', null)
        from jsonb_array_elements(case when jsonb_typeof(events) = 'array' then events else jsonb_build_array(events) end)
            with ordinality j (event, n)
        order by j.n
    loop
        if reason is not null then
            return next;
        end if;
    end loop;
end
$$;
comment on function pgtrail.check_events(jsonb) is 'Finds the events that append would refuse';
revoke all on function pgtrail.check_events(jsonb) from public;
