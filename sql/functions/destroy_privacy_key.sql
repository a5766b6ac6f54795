-- Destroys what the log has of a key of pseudonyms: the originals that are encrypted with it, by an act that counts them. The pseudonyms
-- stay in the events and lead nowhere. Null where it was destroyed before. The key itself is outside and destroyed there.
create or replace function pgtrail.destroy_privacy_key(key_id text) returns table (act bigint, pseudonyms bigint)
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
declare
    present text;
begin
    -- A redaction that is under way may make pseudonyms with it: it ends first.
    perform pg_advisory_xact_lock(1885828210, -8), pg_advisory_xact_lock(1885828210, -1);
    select k.state into present from pgtrail.privacy_key k where k.key_id = destroy_privacy_key.key_id;
    if present is null then
        raise exception using errcode = 'TR009', message = 'this log has no privacy key of that name',
            hint = 'Nothing was changed; pgtrail gdpr key list.';
    end if;
    select count(*) into pseudonyms from pgtrail.pseudonym p where p.key_id = destroy_privacy_key.key_id and p.original is not null;
    if present <> 'destroyed' then
        act := pgtrail.record_act('privacy_key', jsonb_build_object('step', 'destroy', 'key', key_id, 'pseudonyms', pseudonyms));
        update pgtrail.pseudonym p set original = null where p.key_id = destroy_privacy_key.key_id and p.original is not null;
        update pgtrail.privacy_key k set state = 'destroyed' where k.key_id = destroy_privacy_key.key_id;
    end if;
    return next;
end
$$;
comment on function pgtrail.destroy_privacy_key(text) is 'Destroys the originals that are encrypted with a key of pseudonyms';
revoke all on function pgtrail.destroy_privacy_key(text) from public;
