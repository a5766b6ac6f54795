-- What the log has of a pseudonym, still encrypted, for an act of `reveal` that is committed: to whom made it, for ten minutes.
create or replace function pgtrail.revealed(act bigint)
returns table (pseudonym text, organization_id text, strategy text, key_id text, original bytea)
language sql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
    select a.parameters ->> 'pseudonym', p.organization_id, p.strategy, p.key_id, p.original
    from pgtrail.act a
    left join pgtrail.pseudonym p on p.pseudonym = a.parameters ->> 'pseudonym'
    where a.organization_id = 'pgtrail' and a.seq = revealed.act and a.kind = 'reveal' and a.session_user_name = session_user
        and a.recorded_at > clock_timestamp() - interval '10 minutes'
        -- One that this transaction made itself could still be taken back.
        and a.transaction_id is distinct from pg_current_xact_id_if_assigned()
$$;
comment on function pgtrail.revealed(bigint) is 'What the log has of a pseudonym, for an act that is committed';
revoke all on function pgtrail.revealed(bigint) from public;
