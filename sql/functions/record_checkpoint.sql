-- Records a checkpoint: an act with the digest of all heads, as they are given. What it returns is what the caller signs and keeps
-- outside the database. He commits with synchronous_commit = on first: a signed act must not be lost in a crash.
create or replace function pgtrail.record_checkpoint(
    parameters jsonb, organizations text[], lanes smallint[], seqs bigint[], hashes bytea[]
) returns table (seq bigint, hash bytea, digest bytea, recorded_at timestamptz)
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
declare
    act_seq bigint;
begin
    if jsonb_typeof(parameters) is distinct from 'object' then
        raise exception using errcode = 'TR009', message = 'the parameters of an act must be a JSON object';
    end if;
    perform pg_advisory_xact_lock(1885828210, -1);
    perform pgtrail.check_heads(organizations, lanes, seqs, hashes);
    if exists (
        select from pgtrail.verified_head v
        where not exists (
            select from unnest(organizations, lanes) g (organization_id, lane)
            where g.organization_id = v.organization_id and g.lane = v.lane
        )
    ) then
        raise exception using errcode = 'object_not_in_prerequisite_state',
            message = 'these are not the heads of the log: a lane that a whole verification has seen is missing';
    end if;
    act_seq := pgtrail.record_act('checkpoint', parameters, pgtrail.heads_digest(organizations, lanes, seqs, hashes));
    return query
        select a.seq, a.hash, a.digest, a.recorded_at
        from pgtrail.act a
        where a.organization_id = 'pgtrail' and a.seq = act_seq;
end
$$;
comment on function pgtrail.record_checkpoint(jsonb, text[], smallint[], bigint[], bytea[]) is 'Records a checkpoint';
revoke all on function pgtrail.record_checkpoint(jsonb, text[], smallint[], bigint[], bytea[]) from public;
