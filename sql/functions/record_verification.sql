-- Records that somebody verified the log. Heads are given only by a whole and intact verification: they replace
-- pgtrail.verified_head, and their digest is in the act, so that a lane that vanishes with its heads is found next time.
create or replace function pgtrail.record_verification(
    parameters jsonb, organizations text[] default null, lanes smallint[] default null, seqs bigint[] default null,
    hashes bytea[] default null
) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
declare
    heads_digest bytea;
    act_seq bigint;
begin
    if organizations is not null then
        select sha256(coalesce(string_agg(
            record_send(row('pgtrail head'::text, h.organization_id, h.lane, h.seq, h.hash)), ''::bytea
            order by h.organization_id collate "C", h.lane), ''::bytea))
        into heads_digest
        from unnest(organizations, lanes, seqs, hashes) h (organization_id, lane, seq, hash);
    end if;
    -- Before the lock on the act chain nothing may be read or changed.
    act_seq := pgtrail.record_act('verify', parameters, heads_digest);
    if organizations is not null then
        delete from pgtrail.verified_head;
        insert into pgtrail.verified_head
        select * from unnest(organizations, lanes, seqs, hashes);
    end if;
    return act_seq;
end
$$;
comment on function pgtrail.record_verification(jsonb, text[], smallint[], bigint[], bytea[]) is 'Records a verification';
revoke all on function pgtrail.record_verification(jsonb, text[], smallint[], bigint[], bytea[]) from public;
