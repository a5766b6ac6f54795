-- The partition that an event of this time belongs into, by the setting partition-interval (month where nobody set it). Boundaries are UTC.
create or replace function pgtrail.partition_range(at timestamptz, out name text, out since timestamptz, out until timestamptz)
language plpgsql stable strict parallel safe
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
    unit constant text := coalesce((select s.value from pgtrail.setting s where s.name = 'partition-interval'), 'month');
begin
    since := date_trunc(unit, at);
    until := since + case unit when 'quarter' then interval '3 months' else ('1 ' || unit)::interval end;
    name := 'event_' || to_char(since, case unit
        when 'week' then 'IYYY"_w"IW' when 'month' then 'YYYY_MM' when 'quarter' then 'YYYY"_q"Q' else 'YYYY' end);
end
$$;
comment on function pgtrail.partition_range(timestamptz) is 'The partition for a time';
revoke all on function pgtrail.partition_range(timestamptz) from public;
