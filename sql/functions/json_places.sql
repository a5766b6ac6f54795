-- Where a document has something of a subject: places as the numbers of members and elements from 0, apart by a dot, '' being the document
-- itself. Strings that mention an identifier; numbers that are one, where a rule says so or they are long enough to be no other; where a member's name does, the object that has it, because its name
-- would stay. `folded`: the identifiers as they are written, and only addresses folded: u-1 and U-1 are two people at the end of a path as in a column. `ruled`: the rest of the rules' paths;
-- what stands at their end goes too, whatever it says, if `whole`, and `hit` tells that an identifier stood there. `own`: of an event of his own what else of him is to be found in a text, folded, as
-- words with the borders that `pattern` has; of others' events null, in which short identifiers say nothing. `sums`: strings that may be made from what goes, by the names of their members. A place may stand below another.
-- One statement without SET, so that it becomes part of the one that calls it: a call of its own for each document costs ten times as much.
create or replace function pgtrail.json_places(document jsonb, folded text[], likes text[], pattern text, ruled jsonb default null, whole boolean default false,
    own text[] default null)
returns table (places text[], sums text[], hit boolean)
language sql immutable parallel safe
as $$
    with recursive walk (parent, place, key, value, kind, ruled, depth) as (
        select ''::text, ''::text, null::text, document, jsonb_typeof(document), ruled, 0
        union all
        select w.place, case when w.place = '' then '' else w.place || '.' end || m.n, m.key, m.value, jsonb_typeof(m.value),
            case when w.ruled is not null then (
                select jsonb_agg(r.path - 0) from jsonb_array_elements(w.ruled) r (path) where r.path->>0 in ('*', coalesce(m.key, m.n::text))) end,
            w.depth + 1
        from walk w, lateral (
            select o.key, o.value, o.n - 1 as n from jsonb_each(case when w.kind = 'object' then w.value end) with ordinality o (key, value, n)
            union all
            select null, a.value, a.n - 1 from jsonb_array_elements(case when w.kind = 'array' then w.value end) with ordinality a (value, n)
        ) m
        -- Deeper it is looked at as one text.
        where w.kind in ('object', 'array') and w.depth < 64
    ), said as (
        select w.*, pgtrail.fold_text(w.key) as name, w.ruled is not null and exists (select from jsonb_array_elements(w.ruled) r (path) where r.path = '[]') as ends,
            case when w.kind in ('string', 'number') or w.depth = 64 then pgtrail.fold_text(w.value #>> '{}') end as words
        from walk w
        offset 0
    ), judged as (
        select s.*, coalesce((s.name like any (likes) and ((s.key = any (folded) or (not s.ends or strpos(s.name, '@') > 0) and s.name = any (folded)) and (s.ends or length(s.name) >= 3 or own is not null)
                    or s.name ~ pattern) or own <> '{}' and exists (select from (select unnest(own) as word) o where strpos(s.name, o.word) > 0 and replace(s.name, o.word, chr(1)) ~ (split_part(pattern, ')(', 1) || ')' || chr(1) || '(' || split_part(pattern, ')(', 3))))
                and not (s.ends and s.key <> all (folded) and strpos(s.name, '@') = 0 and exists (select from unnest(folded) f (id) where pgtrail.fold_text(f.id) = s.name)), false) as is_named,
            coalesce((s.words like any (likes) and ((s.value #>> '{}' = any (folded) or (not s.ends or strpos(s.words, '@') > 0) and s.words = any (folded))
                        and (s.ends or length(s.words) >= 5 or s.kind <> 'number' and (length(s.words) >= 3 or own is not null))
                    or s.kind <> 'number' and s.words ~ pattern)
                or s.kind <> 'number' and own <> '{}' and exists (select from (select unnest(own) as word) o where strpos(s.words, o.word) > 0 and replace(s.words, o.word, chr(1)) ~ (split_part(pattern, ')(', 1) || ')' || chr(1) || '(' || split_part(pattern, ')(', 3))))
                and not (s.ends and s.value #>> '{}' <> all (folded) and strpos(s.words, '@') = 0 and exists (select from unnest(folded) f (id) where pgtrail.fold_text(f.id) = s.words)), false) as is_hit
        from said s
        offset 0
    )
    select coalesce(array_agg(case when j.is_named then j.parent else j.place end)
            filter (where j.is_named or j.is_hit or j.ends and whole and j.kind <> 'null' and j.value not in ('"[erased]"', '{}', '[]')), '{}'),
        coalesce(array_agg(j.place) filter (where j.kind = 'string' and not j.is_hit and j.value <> '"[erased]"'
            and j.key in ('hash', 'previous_hash', 'checksum', 'digest', 'hmac', 'signature')), '{}'),
        coalesce(bool_or(j.is_hit and j.ends or j.is_named and j.ends), false)
    from judged j
$$;
comment on function pgtrail.json_places(jsonb, text[], text[], text, jsonb, boolean, text[]) is 'Where a document has something of a subject';
revoke all on function pgtrail.json_places(jsonb, text[], text[], text, jsonb, boolean, text[]) from public;
