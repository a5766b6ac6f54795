-- When a transaction commits, for each of its acts: refuses a destructive one without a signature, where the acts before it say that
-- one is required. It asks the acts and not pgtrail.setting, which the act itself may have changed, and which has no guard.
create or replace function pgtrail.check_signature() returns trigger
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
begin
    if not pgtrail.is_destructive(new.kind) or exists (
        select from pgtrail.act_signature s where s.organization_id = new.organization_id and s.seq = new.seq
    ) then
        return null;
    end if;
    if 'on' = (
        select a.parameters ->> 'value' from pgtrail.act a
        where a.kind = 'setting' and a.seq < new.seq and a.parameters ->> 'name' = 'require-signed-acts'
        order by a.seq desc
        limit 1
    ) then
        raise exception using errcode = 'TR012',
            message = format('an act of kind %s must be signed: the setting require-signed-acts is on', new.kind),
            hint = 'Nothing was changed; sign it with --key file:PATH.';
    end if;
    return null;
end
$$;
comment on function pgtrail.check_signature() is 'Refuses a destructive act without a required signature';
revoke all on function pgtrail.check_signature() from public;
