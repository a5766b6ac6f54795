-- Forgets whom pseudonyms stand for, with all that the log has of them: for an erasure, in its transaction and no other.
create or replace function pgtrail.forget_pseudonym(pseudonyms text[]) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
declare
    forgotten bigint;
begin
    if not exists (select from pgtrail.redacting r where r.transaction_id = pg_current_xact_id_if_assigned()) then
        raise exception using errcode = 'TR009', message = 'pseudonyms are forgotten within a redaction alone', hint = 'Nothing was changed.';
    end if;
    with gone as (delete from pgtrail.pseudonym p where p.pseudonym = any (pseudonyms) returning 1)
    select count(*) into forgotten from gone;
    return forgotten;
end
$$;
comment on function pgtrail.forget_pseudonym(text[]) is 'Forgets whom pseudonyms stand for';
revoke all on function pgtrail.forget_pseudonym(text[]) from public;
