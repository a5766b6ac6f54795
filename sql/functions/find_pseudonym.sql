-- The pseudonyms that a subject has, by keyed hashes of his main identifier; never whom they stand for: that is for reveal, which is an act.
create or replace function pgtrail.find_pseudonym(lookups bytea[])
returns table (pseudonym text, organization_id text, strategy text, key_id text, lookup bytea)
language sql stable security definer parallel restricted
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
    select p.pseudonym, p.organization_id, p.strategy, p.key_id, p.lookup
    from pgtrail.pseudonym p
    where p.lookup = any (lookups)
    order by p.created_at, p.pseudonym
$$;
comment on function pgtrail.find_pseudonym(bytea[]) is 'The pseudonyms that a subject has';
revoke all on function pgtrail.find_pseudonym(bytea[]) from public;
