-- Whether a document has a place as json_places tells it, and nothing above it was replaced.
create or replace function pgtrail.json_has_place(document jsonb, place text) returns boolean
language plpgsql immutable parallel safe
as $$
declare
    step text;
    here jsonb := document;
begin
    foreach step in array string_to_array(place, '.') loop
        here := case jsonb_typeof(here)
            when 'object' then (select m.value from jsonb_each(here) with ordinality m (key, value, n) where m.n = step::bigint + 1)
            when 'array' then here->step::int end;
        if here is null then
            return false;
        end if;
    end loop;
    return true;
end
$$;
comment on function pgtrail.json_has_place(jsonb, text) is 'Whether a document has a place';
revoke all on function pgtrail.json_has_place(jsonb, text) from public;
