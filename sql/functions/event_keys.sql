-- The columns of pgtrail.event that an application may set: all but the chain and recorded_at. The keys of an event in JSON.
create or replace function pgtrail.event_keys() returns text[]
language sql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(a.attname::text order by a.attnum)
    from pg_attribute a
    where a.attrelid = 'pgtrail.event'::regclass and a.attnum > 0 and not a.attisdropped
        and a.attname not in ('recorded_at', 'lane', 'seq', 'identity_salt', 'content_salt', 'previous_hash', 'hash',
            'hash_version', 'identity_digest', 'content_digest')
$$;
comment on function pgtrail.event_keys() is 'Keys of an event in JSON';
revoke all on function pgtrail.event_keys() from public;
