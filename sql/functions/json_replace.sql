-- A document with other values at places as json_places tells them: a pseudonym where an identifier stood by itself, else the marker.
create or replace function pgtrail.json_replace(document jsonb, places text[], folded text[], pseudonym text) returns jsonb
language plpgsql immutable parallel safe
as $$
declare
    place text;
    step text;
    here jsonb;
    way text[];
    name text;
    outermost jsonb;
begin
    if cardinality(places) > 4 then
        -- One walk: to set each by itself would write the document as often as it has places.
        if '' = any (places) then
            return to_jsonb(case when pseudonym is not null and jsonb_typeof(document) in ('string', 'number')
                and pgtrail.fold_text(document #>> '{}') = any (folded) then pseudonym else '[erased]' end);
        elsif jsonb_typeof(document) in ('object', 'array') then
            select case when jsonb_typeof(document) = 'object' then jsonb_object_agg(m.key, v.value) else jsonb_agg(v.value order by m.n) end into here
            from (
                select o.key, o.value, o.n from jsonb_each(case when jsonb_typeof(document) = 'object' then document end) with ordinality o (key, value, n)
                union all
                select null, a.value, a.n from jsonb_array_elements(case when jsonb_typeof(document) = 'array' then document end) with ordinality a (value, n)
            ) m
            left join (
                select split_part(p, '.', 1)::bigint + 1 as n, array_agg(substr(p, length(split_part(p, '.', 1)) + 2)) as places from unnest(places) p group by 1
            ) p on p.n = m.n,
                lateral (select case when p.places is null then m.value
                    when '' = any (p.places) then to_jsonb(case when pseudonym is not null and jsonb_typeof(m.value) in ('string', 'number')
                        and pgtrail.fold_text(m.value #>> '{}') = any (folded) then pseudonym else '[erased]' end)
                    else pgtrail.json_replace(m.value, p.places, folded, pseudonym) end as value) v;
            -- An empty one has no places.
            return coalesce(here, document);
        end if;
        return document;
    end if;
    -- Expressions alone: a statement with FROM for each step would cost more than all the rest.
    foreach place in array coalesce(places, '{}') loop
        here := document;
        way := '{}';
        foreach step in array string_to_array(place, '.') loop
            if jsonb_typeof(here) = 'object' then
                -- What is put in the place of a member leaves its name: those of the document are asked for once.
                if way = '{}' then
                    outermost := coalesce(outermost, jsonb_path_query_array(here, '$.keyvalue().key'));
                    name := outermost->>step::int;
                else
                    name := jsonb_path_query_array(here, '$.keyvalue().key')->>step::int;
                end if;
                way := way || name;
                here := here->name;
            elsif jsonb_typeof(here) = 'array' then
                way := way || step;
                here := here->step::int;
            else
                here := null;
            end if;
            -- A place that is not there any more: something above it was replaced.
            exit when here is null;
        end loop;
        if here is not null then
            here := to_jsonb(case when pseudonym is not null and jsonb_typeof(here) in ('string', 'number')
                and pgtrail.fold_text(here #>> '{}') = any (folded) then pseudonym else '[erased]' end);
            document := case when way = '{}' then here else jsonb_set(document, way, here, false) end;
        end if;
    end loop;
    return document;
end
$$;
comment on function pgtrail.json_replace(jsonb, text[], text[], text) is 'A document with other values at places';
revoke all on function pgtrail.json_replace(jsonb, text[], text[], text) from public;
