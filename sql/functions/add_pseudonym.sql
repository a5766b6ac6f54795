-- Notes whom pseudonyms stand for, encrypted: one for each organization, or a single one, of the organization null, for all. Only within a
-- redaction, which brings them into events and has an act. One that is there already gets this original behind what it has: a later
-- request may know more identifiers. Says how many are new.
create or replace function pgtrail.add_pseudonym(
    pseudonyms text[], organizations text[], strategy text, key_id text, lookups bytea[], originals bytea[]
) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
declare
    odd text;
    added bigint;
begin
    if strategy is null or strategy not in ('hash', 'token', 'encrypt') then
        odd := 'pseudonyms are made by hash, token or encrypt';
    elsif cardinality(pseudonyms) is null or cardinality(organizations) is distinct from cardinality(pseudonyms)
        or cardinality(lookups) is distinct from cardinality(pseudonyms) or cardinality(originals) is distinct from cardinality(pseudonyms)
    then
        odd := 'the lists of pseudonyms differ in length';
    elsif exists (
        select from unnest(pseudonyms, lookups, originals) g (pseudonym, lookup, original)
        where (g.pseudonym ~ '^p1:[hte]:[a-z0-9-]{1,32}:[A-Za-z0-9_-]{16,}$' and length(g.pseudonym) <= 2100) is not true
            or split_part(g.pseudonym, ':', 2) <> left(add_pseudonym.strategy, 1)
            or split_part(g.pseudonym, ':', 3) is distinct from add_pseudonym.key_id
            or octet_length(g.lookup) is distinct from 32 or (octet_length(g.original) between 32 and 10000000) is not true
    ) then
        odd := 'a pseudonym has not the form of its strategy and key, or its lookup or original is missing';
    elsif not exists (select from pgtrail.redacting r where r.transaction_id = pg_current_xact_id_if_assigned()) then
        odd := 'pseudonyms are made within a redaction alone';
    elsif not exists (select from pgtrail.privacy_key k where k.key_id = add_pseudonym.key_id and k.state = 'active') then
        odd := 'pseudonyms are made with the active privacy key alone';
    end if;
    if odd is not null then
        raise exception using errcode = 'TR009', message = odd, hint = 'Nothing was changed; pgtrail gdpr key list.';
    end if;
    with written as (
        insert into pgtrail.pseudonym as p (pseudonym, organization_id, strategy, key_id, lookup, original)
        select g.pseudonym, g.organization_id, add_pseudonym.strategy, add_pseudonym.key_id, g.lookup, g.original
        from unnest(pseudonyms, organizations, lookups, originals) g (pseudonym, organization_id, lookup, original)
        on conflict (pseudonym) do update
            -- Years of requests of one subject must not grow without end: then the newest counts.
            set original = case when octet_length(p.original) < 65536 then p.original else '' end || excluded.original
        returning p.xmax = 0 as is_new
    )
    select count(*) filter (where w.is_new) into added from written w;
    return added;
end
$$;
comment on function pgtrail.add_pseudonym(text[], text[], text, text, bytea[], bytea[]) is 'Notes whom pseudonyms stand for, encrypted';
revoke all on function pgtrail.add_pseudonym(text[], text[], text, text, bytea[], bytea[]) from public;
