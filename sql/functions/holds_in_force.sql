-- SHA-256 over the holds in force at a time, for the act of a purge, which says by it what it had to keep. To be called under the lock of
-- the act chain, with the act's own `at`: then a replay of the acts before it comes to the same. Of each hold, in the order of act_seq, the
-- record ('pgtrail hold in force'::text, act_seq::bigint, digest::bytea), with the digest that the act `hold` which placed it has, made of the
-- row anew: of one that somebody altered it is another. Nothing stands between them. A hold is in force that was not released and does not expire at that time or before; without any, it is SHA-256 of no bytes.
create or replace function pgtrail.holds_in_force(at timestamptz) returns bytea
language sql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select sha256(coalesce(string_agg(record_send(row('pgtrail hold in force'::text, h.act_seq, pgtrail.hold_digest(h))), ''::bytea
        order by h.act_seq), ''::bytea))
    from pgtrail.hold h
    where h.released_seq is null and (h.expires_at is null or h.expires_at > holds_in_force.at)
$$;
comment on function pgtrail.holds_in_force(timestamptz) is 'SHA-256 over the holds in force at a time';
revoke all on function pgtrail.holds_in_force(timestamptz) from public;
