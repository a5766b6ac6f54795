-- At the commit: what was redacted was recorded.
create or replace function pgtrail.check_redacting() returns trigger
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
begin
    if exists (select from pgtrail.redacting r where r.transaction_id = new.transaction_id) then
        raise exception using errcode = 'TR018', message = 'a redaction was begun and not recorded', hint = 'Nothing was changed.';
    end if;
    return null;
end
$$;
comment on function pgtrail.check_redacting() is 'Refuses to commit a redaction without its act';
revoke all on function pgtrail.check_redacting() from public;
