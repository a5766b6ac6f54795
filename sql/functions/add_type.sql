-- Adds an event type to those that are known, by an act: type list reads the acts, so there is no table that could differ from them. A
-- later act of the same name counts; null where the newest says the same already. No event is refused for a type that is not known.
create or replace function pgtrail.add_type(name text, category text, severity text, description text) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
declare
    added jsonb;
    odd text;
begin
    if coalesce(name, '') = '' or length(name) > 300 then
        odd := 'an event type has a name, of 300 characters at most';
    elsif category = '' or length(category) > 300 then
        odd := 'the category of an event type has 1 to 300 characters';
    elsif severity is null or severity not in ('debug', 'info', 'warning', 'error', 'critical') then
        odd := 'the severity of an event type is debug, info, warning, error or critical';
    elsif description = '' or length(description) > 2000 then
        odd := 'the description of an event type has 1 to 2000 characters';
    end if;
    if odd is not null then
        raise exception using errcode = 'TR009', message = odd, hint = 'Nothing was added.';
    end if;
    added := jsonb_build_object('name', name, 'category', category, 'severity', severity, 'description', description);
    perform pg_advisory_xact_lock(1885828210, -1);
    if added = (
        select a.parameters from pgtrail.act a
        where a.kind = 'add_type' and a.parameters ->> 'name' = add_type.name
        order by a.seq desc
        limit 1
    ) then
        return null;
    end if;
    return pgtrail.record_act('add_type', added);
end
$$;
comment on function pgtrail.add_type(text, text, text, text) is 'Adds an event type to those that are known';
revoke all on function pgtrail.add_type(text, text, text, text) from public;
