-- The identifiers of pg_temp.pgtrail_subject as events are compared with them: those of each kind in both Unicode normal forms; all of them
-- folded; what text that mentions one contains (`needles`, also as JSON and an URL write it, `likes` the same for LIKE), and a pattern that tells a mention from a part of another word: of
-- one that is shorter than three characters only the whole value counts. What stands between the first and the last `)(` of the pattern are the identifiers, and before and
-- behind it the borders of a word, which other words are looked for with. Messages name no value.
create or replace function pgtrail.subject_forms(
    out ids text[], out emails text[], out names text[], out addresses inet[], out devices text[], out sessions text[],
    out resource_types text[], out resource_ids text[], out folded text[], out needles text[], out likes text[], out pattern text
)
language plpgsql stable parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set standard_conforming_strings = on
as $$
declare
    -- What a word is made of: ASCII, Latin, Greek and Cyrillic letters. Other scripts write without blanks.
    word constant text := '[:alnum:]_' || chr(192) || '-' || chr(591) || chr(880) || '-' || chr(1327);
    odd text;
begin
    select string_agg(distinct coalesce(s.kind, 'null'), ', ') into odd
    from pg_temp.pgtrail_subject s
    where (s.kind in ('id', 'email', 'name', 'ip', 'device', 'session', 'resource', 'text')) is not true
        or coalesce(btrim(s.value, E' \t\r\n'), '') = '' or length(s.value) > 1000
        or s.kind = 'resource' and s.value !~ '^[^/]+/.';
    if odd is not null or not exists (select from pg_temp.pgtrail_subject) or (select count(*) from pg_temp.pgtrail_subject) > 1000 then
        raise exception using errcode = 'TR009', hint = 'Nothing was changed.',
            message = coalesce('an identifier of a subject is not valid: ' || left(odd, 100), 'a subject has 1 to 1000 identifiers');
    end if;
    begin
        select array_agg(s.value::inet) into addresses from pg_temp.pgtrail_subject s where s.kind = 'ip';
    exception when invalid_text_representation then
        raise exception using errcode = 'TR009', message = 'an identifier of a subject is not valid: ip', hint = 'Nothing was changed.';
    end;
    select array_agg(distinct f.value) filter (where f.kind = 'id'), array_agg(distinct pgtrail.fold_text(f.value)) filter (where f.kind = 'email'),
        array_agg(distinct f.value) filter (where f.kind = 'name'), array_agg(distinct f.value) filter (where f.kind = 'device'),
        array_agg(distinct f.value) filter (where f.kind = 'session'),
        array_agg(split_part(f.value, '/', 1)) filter (where f.kind = 'resource'),
        array_agg(substr(f.value, strpos(f.value, '/') + 1)) filter (where f.kind = 'resource')
    into ids, emails, names, devices, sessions, resource_types, resource_ids
    from (
        select s.kind, f.value
        from pg_temp.pgtrail_subject s, lateral (values (s.value), (normalize(s.value)), (normalize(s.value, nfd))) f (value)
        group by 1, 2
    ) f;
    select array_agg(distinct f.value) into folded
    from (
        select pgtrail.fold_text(case when s.kind = 'resource' then substr(s.value, strpos(s.value, '/') + 1) else s.value end) as value
        from pg_temp.pgtrail_subject s
        union all
        -- As PostgreSQL writes it, however it was typed.
        select host(a) from unnest(addresses) a
    ) f;
    -- As text says it, as JSON does within a string, and as an URL does.
    select array_agg(distinct n.value), array_agg(distinct '%' || regexp_replace(n.value, '([\\%_])', '\\\1', 'g') || '%'),
        -- An id is no part of a longer one, nor an address: ann is not in ann-marie, ann.smith@x or joann; a full stop at the end of a sentence is none of its.
        -- Without a look behind or ahead, which takes several times as long.
        '(?:^|[^' || word || '.@+-]|(?:^|[^' || word || '])[.@+-])(' || coalesce(string_agg(distinct
            regexp_replace(n.value, '([^[:alnum:][:space:]_])', '\\\1', 'g'), '|') filter (where length(f.value) >= 3), '(?!)')
            || ')(?:$|[^' || word || '.@+-]|[.@+-](?:$|[^' || word || ']))'
    into needles, likes, pattern
    from unnest(folded) f (value), lateral (values (f.value), (substr(to_jsonb(f.value)::text, 2, length(to_jsonb(f.value)::text) - 2)), ((
        select string_agg(case when chr(get_byte(b.bytes, i)) ~ '[A-Za-z0-9._~-]' and get_byte(b.bytes, i) < 128 then chr(get_byte(b.bytes, i))
            else '%' || lpad(to_hex(get_byte(b.bytes, i)), 2, '0') end, '' order by i)
        from (select convert_to(f.value, 'UTF8') as bytes) b, generate_series(0, octet_length(b.bytes) - 1) i))) n (value);
end
$$;
comment on function pgtrail.subject_forms() is 'The identifiers of a subject as events are compared with them';
revoke all on function pgtrail.subject_forms() from public;
