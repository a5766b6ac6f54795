-- Records by an act that somebody is about to learn whom a pseudonym stands for. It tells nothing: `revealed` does, once the act is
-- committed, so that nobody can look and then take the act back. Null where the log has no such pseudonym, or does not know any more whom
-- it stands for; one that has its original encrypted in itself needs no mapping.
create or replace function pgtrail.reveal(pseudonym text, reason text, requested_by text default null) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
declare
    odd text;
begin
    if (pseudonym ~ '^p1:[hte]:[a-z0-9-]{1,32}:[A-Za-z0-9_-]{16,}$' and length(pseudonym) <= 2100) is not true then
        odd := 'this is no pseudonym: one begins with p1:h:, p1:t: or p1:e:';
    elsif coalesce(btrim(reason, E' \t\r\n'), '') = '' or length(reason) > 2000 then
        odd := 'to reveal takes a reason, of 2000 characters at most';
    elsif length(requested_by) > 200 then
        odd := 'who asked for it is told in 200 characters at most';
    end if;
    if odd is not null then
        raise exception using errcode = 'TR009', message = odd, hint = 'Nothing was revealed.';
    end if;
    perform pg_advisory_xact_lock(1885828210, -1);
    if not exists (select from pgtrail.pseudonym p where p.pseudonym = reveal.pseudonym and p.original is not null)
        and (pseudonym not like 'p1:e:%' or not exists (
            select from pgtrail.privacy_key k where k.key_id = split_part(reveal.pseudonym, ':', 3) and k.state <> 'destroyed'))
    then
        return null;
    end if;
    return pgtrail.record_act('reveal', jsonb_build_object('pseudonym', pseudonym, 'reason', reason, 'requested_by', requested_by));
end
$$;
comment on function pgtrail.reveal(text, text, text) is 'Records that somebody is about to learn whom a pseudonym stands for';
revoke all on function pgtrail.reveal(text, text, text) from public;
