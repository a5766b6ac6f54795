-- Tells which records of pg_temp.pgtrail_stage cannot become events and why. Slow; called only when import_batch has refused the batch.
create or replace function pgtrail.import_check(format text, organization text default null)
returns table (rejected_position bigint, reason text)
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set standard_conforming_strings = on
as $$
begin
    if not pgtrail.owns_stage() then
        return;
    end if;
    for rejected_position, reason in
        select s.position, pgtrail.explain_refusal(s.event, import_check.format, organization)
        from pg_temp.pgtrail_stage s
        order by s.position
    loop
        if reason is not null then
            return next;
        end if;
    end loop;
end
$$;
comment on function pgtrail.import_check(text, text) is 'Finds the staged records that cannot become events';
revoke all on function pgtrail.import_check(text, text) from public;
