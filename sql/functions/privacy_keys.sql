-- The keys of pseudonyms, oldest first: how many pseudonyms each made, and for how many the log still has whom they stand for.
create or replace function pgtrail.privacy_keys()
returns table (key_id text, state text, created_at timestamptz, check_value bytea, pseudonyms bigint, originals bigint)
language sql stable security definer parallel restricted
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
    select k.key_id, k.state, k.created_at, k.check_value, coalesce(p.pseudonyms, 0), coalesce(p.originals, 0)
    from pgtrail.privacy_key k
    left join (
        select p.key_id, count(*) as pseudonyms, count(p.original) as originals from pgtrail.pseudonym p group by p.key_id
    ) p on p.key_id = k.key_id
    order by k.created_at, k.key_id
$$;
comment on function pgtrail.privacy_keys() is 'The keys of pseudonyms';
revoke all on function pgtrail.privacy_keys() from public;
