-- Makes a key of pseudonyms known to the log, by an act. The key itself never comes here: check_value is a keyed hash of a fixed text, by
-- which a wrong one is known. With `rotate` the active key is retired, which still reveals; without it there must be none.
create or replace function pgtrail.add_privacy_key(key_id text, check_value bytea, rotate boolean default false) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
declare
    odd text;
    advice text;
    known text;
    act bigint;
begin
    -- A redaction that is under way makes pseudonyms with the active key: it ends first.
    perform pg_advisory_xact_lock(1885828210, -8), pg_advisory_xact_lock(1885828210, -1);
    select k.key_id into known from pgtrail.privacy_key k where k.state = 'active';
    if (key_id ~ '^[a-z0-9-]{1,32}$') is not true or key_id = 'none' then
        odd := 'a privacy key has a name of 1 to 32 small letters, digits and dashes, and "none" is not one';
    elsif octet_length(check_value) is distinct from 32 then
        odd := 'the check value of a privacy key has 32 bytes';
    elsif exists (select from pgtrail.privacy_key k where k.key_id = add_privacy_key.key_id) then
        odd := format('there is or was a privacy key %s already, and its name is not used again', key_id);
        advice := 'choose another name: pgtrail gdpr key list';
    elsif exists (select from pgtrail.privacy_key k where k.check_value = add_privacy_key.check_value) then
        odd := 'this very key is known already, under another name';
        advice := 'pgtrail gdpr key list';
    elsif known is not null and rotate is not true then
        odd := format('there is an active privacy key already: %s', known);
        advice := 'pgtrail gdpr key rotate makes the next and retires it';
    elsif known is null and rotate then
        odd := 'no privacy key is active that could be rotated';
        advice := 'pgtrail gdpr key create makes one';
    end if;
    if odd is not null then
        raise exception using errcode = 'TR009', message = odd, hint = 'Nothing was changed' || coalesce('; ' || advice, '') || '.';
    end if;
    act := pgtrail.record_act('privacy_key', jsonb_build_object('step', case when rotate then 'rotate' else 'create' end, 'key', key_id,
        'pseudonyms', 0));
    update pgtrail.privacy_key k set state = 'retired' where k.state = 'active';
    insert into pgtrail.privacy_key (key_id, check_value) values (add_privacy_key.key_id, add_privacy_key.check_value);
    return act;
end
$$;
comment on function pgtrail.add_privacy_key(text, bytea, boolean) is 'Makes a key of pseudonyms known';
revoke all on function pgtrail.add_privacy_key(text, bytea, boolean) from public;
