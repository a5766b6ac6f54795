-- BEFORE UPDATE, DELETE or TRUNCATE, each statement, on every table that is evidence: refuses, unless this transaction already
-- holds an act that allows just this: the trigger's arguments are 'OPERATION kind'. Who asks does not matter: the owner and a
-- superuser are refused too. An act of a restored log may have the number of a transaction of this server, and of one whose clock ran ahead
-- also its time; but its row is older than this transaction.
create or replace function pgtrail.guard() returns trigger
language plpgsql volatile security definer parallel restricted
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
begin
    if tg_nargs > 0 and exists (
        select from pgtrail.act a
        where a.transaction_id = pg_current_xact_id_if_assigned() and a.recorded_at >= now() and age(a.xmin) <= 0
            and tg_op || ' ' || a.kind = any (tg_argv::text[])
    ) then
        return null;
    end if;
    -- Whoever redacts records it at the end, and cannot commit without.
    if tg_op = 'UPDATE' and 'UPDATE redact' = any (tg_argv::text[])
        and exists (select from pgtrail.redacting r where r.transaction_id = pg_current_xact_id_if_assigned())
    then
        return null;
    end if;
    raise exception using
        errcode = 'TR002',
        message = format('%I.%I is append-only: %s refused', tg_table_schema, tg_table_name, tg_op),
        hint = 'Nothing was changed. What leaves the trail leaves it by retention or erasure, which record it.';
end
$$;
comment on function pgtrail.guard() is 'Refuses to change evidence without an act';
revoke all on function pgtrail.guard() from public;
