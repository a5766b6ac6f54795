-- The time of what purge_partition is told of an archive; refuses what it cannot record as one. Its name begins with that of the partition,
-- and names a folder on any system. Null without an archive.
create or replace function pgtrail.check_archive(archive jsonb, partition_name text) returns timestamptz
language plpgsql stable parallel unsafe
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
    time_form constant text := '^[0-9]{4,6}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?Z$';
    asks constant boolean := archive->>'records' is null;
    odd text;
begin
    if archive is null then
        return null;
    end if;
    if archive->>'name' !~ '^[A-Za-z0-9_]+-[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}$' or not starts_with(archive->>'name', partition_name || '-')
        or archive->>'name' is null
    then
        odd := 'an archive is named by its partition, a time as 20261121T190000Z, and six hexadecimal digits, with - between them';
    elsif (archive->>'location' ~ '^(file:///.|s3://.|table:$)' and length(archive->>'location') <= 2000) is not true then
        odd := 'an archive has a location, file:///PATH, s3://BUCKET or table:, of 2000 characters at most';
    elsif not asks and (archive->>'records' ~ '^[0-9a-f]{64}$' and archive->>'manifest' ~ '^[0-9a-f]{64}$' and archive->>'bytes' ~ '^[0-9]{1,18}$') is not true
    then
        odd := 'an archive has a manifest and records, each by its sha256, and a number of bytes';
    elsif coalesce(archive->>'due', '') not in ('true', 'false') or (archive->>'at' ~ time_form) is not true
        or archive->>'since' !~ time_form or archive->>'until' !~ time_form
    then
        odd := 'an archive is due or not, as of a time, and its times are written as 2026-11-21T19:00:00.000000Z';
    elsif (archive->>'at')::timestamptz > clock_timestamp() or (archive->>'since')::timestamptz >= (archive->>'until')::timestamptz
        or (archive->>'due')::boolean and num_nonnulls(archive->>'since', archive->>'until') > 0
    then
        odd := 'an archive is of a time that is not to come, it begins before it ends, and of what is due it knows neither';
    end if;
    if odd is not null then
        raise exception using errcode = 'TR009', message = odd, hint = 'Nothing was purged.';
    elsif exists (select from pgtrail.archive a where a.name = archive->>'name') then
        raise exception using errcode = 'TR011', message = format('there is an archive %s already', archive->>'name'), hint = 'Nothing was purged.';
    elsif (archive->>'due')::boolean and exists (
        select from pgtrail.act a
        where a.organization_id = 'pgtrail' and a.recorded_at >= (archive->>'at')::timestamptz
            and (a.kind = 'retention' or a.kind = 'setting' and a.parameters->>'name' = 'retention-grace'))
    then
        -- What was due by the rules of then may not be by those of now.
        raise exception using errcode = 'serialization_failure', message = 'the rules of retention were changed since it was told what is due',
            hint = 'Nothing was purged. Run it again.';
    end if;
    return archive->>'at';
end
$$;
comment on function pgtrail.check_archive(jsonb, text) is 'Refuses what cannot be recorded as an archive';
revoke all on function pgtrail.check_archive(jsonb, text) from public;
