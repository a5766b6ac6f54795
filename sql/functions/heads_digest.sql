-- sha256 of a list of heads, in whatever order it is given: over the records of all lanes in the order of FORMAT.md.
create or replace function pgtrail.heads_digest(organizations text[], lanes smallint[], seqs bigint[], hashes bytea[]) returns bytea
language sql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select sha256(coalesce(string_agg(
        record_send(row('pgtrail head'::text, h.organization_id, h.lane, h.seq, h.hash)), ''::bytea
        order by h.organization_id collate "C", h.lane), ''::bytea))
    from unnest(organizations, lanes, seqs, hashes) h (organization_id, lane, seq, hash)
$$;
comment on function pgtrail.heads_digest(text[], smallint[], bigint[], bytea[]) is 'Digest of a list of heads';
revoke all on function pgtrail.heads_digest(text[], smallint[], bigint[], bytea[]) from public;
