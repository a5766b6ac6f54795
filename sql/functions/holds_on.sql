-- The holds in force that hold one event, by the acts that placed them. `occurred_at` says in which partition it is.
create or replace function pgtrail.holds_on(organization text, lane int, seq bigint, occurred_at timestamptz) returns setof bigint
language plpgsql stable security definer parallel restricted
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
begin
    return query execute 'select h.act_seq from pgtrail.event e join pgtrail.hold h on h.released_seq is null '
        'and (h.expires_at is null or h.expires_at > now()) and ' || pgtrail.hold_fits()
        || ' where e.organization_id = $1 and e.lane = $2 and e.seq = $3 and e.occurred_at = $4 order by h.act_seq'
    using organization, lane, seq, occurred_at;
end
$$;
comment on function pgtrail.holds_on(text, int, bigint, timestamptz) is 'The holds on one event';
revoke all on function pgtrail.holds_on(text, int, bigint, timestamptz) from public;
