-- Records that somebody verified the log. Heads are given only by a whole and intact verification: they replace
-- pgtrail.verified_head, and their digest is in the act, so that a lane that vanishes with its heads is found next time.
create or replace function pgtrail.record_verification(
    parameters jsonb, organizations text[] default null, lanes smallint[] default null, seqs bigint[] default null,
    hashes bytea[] default null
) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
declare
    heads pgtrail.verified_head[];
    heads_digest bytea;
    act_seq bigint;
begin
    if organizations is null then
        return pgtrail.record_act('verify', parameters);
    end if;
    -- The lock of the act chain, before anything is read: two verifications are recorded one after the other.
    perform pg_advisory_xact_lock(1885828210, -1);
    -- The caller is not believed: what he calls a head must be one, and no lane that was seen before may be left out.
    select array_agg(row(h.organization_id, h.lane, h.seq, h.hash)::pgtrail.verified_head
        order by h.organization_id collate "C", h.lane)
    into heads
    from (
        -- Another verification may have recorded a later head meanwhile: heads go forward only.
        select distinct on (u.organization_id, u.lane) u.*
        from (
            select * from unnest(organizations, lanes, seqs, hashes) g (organization_id, lane, seq, hash)
            union all
            select * from pgtrail.verified_head
        ) u
        order by u.organization_id, u.lane, u.seq desc
    ) h;
    if exists (
        select from unnest(organizations, lanes, seqs, hashes) g (organization_id, lane, seq, hash)
        where not exists (
            select from pgtrail.chain_head c
            where c.organization_id = g.organization_id and c.lane = g.lane and c.seq = g.seq and c.hash = g.hash
        ) and not exists (
            select from pgtrail.event e
            where e.organization_id = g.organization_id and e.lane = g.lane and e.seq = g.seq and e.hash = g.hash
        )
    ) or exists (
        select from pgtrail.verified_head v
        where not exists (
            select from unnest(organizations, lanes) g (organization_id, lane)
            where g.organization_id = v.organization_id and g.lane = v.lane
        )
    ) then
        raise exception using errcode = 'object_not_in_prerequisite_state',
            message = 'these are not the heads of the log: a lane is missing, or a head is none';
    end if;
    select sha256(coalesce(string_agg(
        record_send(row('pgtrail head'::text, h.organization_id, h.lane, h.seq, h.hash)), ''::bytea
        order by h.organization_id collate "C", h.lane), ''::bytea))
    into heads_digest
    from unnest(heads) h;
    act_seq := pgtrail.record_act('verify', parameters, heads_digest);
    delete from pgtrail.verified_head;
    insert into pgtrail.verified_head select h.* from unnest(heads) h;
    return act_seq;
end
$$;
comment on function pgtrail.record_verification(jsonb, text[], smallint[], bigint[], bytea[]) is 'Records a verification';
revoke all on function pgtrail.record_verification(jsonb, text[], smallint[], bigint[], bytea[]) from public;
