-- Puts a signature beside an act of this very transaction, once. Whether it is good the database cannot tell: verify does, with the
-- public keys that whoever verifies has.
create or replace function pgtrail.sign_act(seq bigint, signature text) returns void
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set standard_conforming_strings = on
set client_encoding = 'UTF8'
as $$
begin
    if signature is null or length(signature) > 10000 or signature !~ '^(\u2014 [^\s+]+ [A-Za-z0-9+/]+={0,2}\n)+$' then
        raise exception using errcode = 'TR009',
            message = 'the signature does not consist of signature lines of a signed note', hint = 'Nothing was signed.';
    end if;
    -- An act of a restored log may have the number of a transaction of this server, but not its time.
    if not exists (
        select from pgtrail.act a
        where a.organization_id = 'pgtrail' and a.seq = sign_act.seq
            and a.transaction_id = pg_current_xact_id_if_assigned() and a.recorded_at >= now()
    ) then
        raise exception using errcode = 'TR009',
            message = format('act %s is not one of this transaction: an act is signed when it is recorded', seq),
            hint = 'Nothing was signed.';
    end if;
    insert into pgtrail.act_signature select 'pgtrail', sign_act.seq, sign_act.signature on conflict do nothing;
    if not found then
        raise exception using errcode = 'TR011',
            message = format('act %s has been signed already', seq), hint = 'Nothing was changed.';
    end if;
end
$$;
comment on function pgtrail.sign_act(bigint, text) is 'Signs an act of this transaction';
revoke all on function pgtrail.sign_act(bigint, text) from public;
