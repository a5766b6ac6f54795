-- Records that somebody verified the log. Heads are given only by a whole and intact verification: they replace
-- pgtrail.verified_head, and their digest is in the act, so that a lane that vanishes with its heads is found next time.
-- Of any other the act has the digest of all heads that it saw, where the caller tells it.
create or replace function pgtrail.record_verification(
    parameters jsonb, seen bytea default null, organizations text[] default null, lanes smallint[] default null,
    seqs bigint[] default null, hashes bytea[] default null
) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
declare
    remembered constant boolean := organizations is not null or lanes is not null or seqs is not null or hashes is not null;
    heads_digest bytea := seen;
    act_seq bigint;
begin
    if jsonb_typeof(parameters) is distinct from 'object' then
        raise exception using errcode = 'TR009', message = 'the parameters of an act must be a JSON object';
    elsif octet_length(seen) <> 32 then
        raise exception using errcode = 'TR009', message = 'the digest of the heads must have 32 bytes';
    -- An act accepts what stands here: it must say what that is.
    elsif jsonb_typeof(parameters -> 'findings') = 'array' and exists (
        select from jsonb_array_elements(parameters -> 'findings') f
        where jsonb_typeof(f.value) <> 'object'
            or jsonb_typeof(f.value -> 'id') is distinct from 'string' or f.value ->> 'id' !~ '^[0-9a-f]{16}$'
            or jsonb_typeof(f.value -> 'kind') is distinct from 'string' or f.value ->> 'kind' = ''
            or jsonb_typeof(f.value -> 'message') is distinct from 'string' or f.value ->> 'message' = ''
    ) then
        raise exception using errcode = 'TR009',
            message = 'a finding of a verification must be an object with an id of 16 hex digits, a kind and a message',
            hint = 'Nothing was recorded.';
    end if;
    -- The lock of the act chain, before anything is read: two verifications are recorded one after the other.
    perform pg_advisory_xact_lock(1885828210, -1);
    if remembered then
        perform pgtrail.check_heads(organizations, lanes, seqs, hashes);
        -- Another verification may have recorded a later head meanwhile, or a lane that this one has not seen: heads go forward
        -- only, and no lane is forgotten.
        select array_agg(h.organization_id), array_agg(h.lane), array_agg(h.seq), array_agg(h.hash)
        into organizations, lanes, seqs, hashes
        from (
            select distinct on (u.organization_id, u.lane) u.*
            from (
                select * from unnest(organizations, lanes, seqs, hashes) g (organization_id, lane, seq, hash)
                union all
                select * from pgtrail.verified_head
            ) u
            order by u.organization_id, u.lane, u.seq desc
        ) h;
        heads_digest := pgtrail.heads_digest(organizations, lanes, seqs, hashes);
    end if;
    -- Not what the caller says of it: the heads that the next verification trusts are those of an act that has true here.
    act_seq := pgtrail.record_act('verify', jsonb_set(parameters, '{remembered}', to_jsonb(remembered)), heads_digest);
    if remembered then
        delete from pgtrail.verified_head;
        insert into pgtrail.verified_head select * from unnest(organizations, lanes, seqs, hashes);
    end if;
    return act_seq;
end
$$;
comment on function pgtrail.record_verification(jsonb, bytea, text[], smallint[], bigint[], bytea[]) is 'Records a verification';
revoke all on function pgtrail.record_verification(jsonb, bytea, text[], smallint[], bigint[], bytea[]) from public;
