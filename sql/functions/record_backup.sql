-- Records that the log was backed up: an act with the name, the place and the sha256 of the manifest. Nothing follows from it for whoever
-- verifies; `status` and retention look at how old the newest is. Called by whoever may read everything and operates or audits the log.
create or replace function pgtrail.record_backup(
    name text, location text, manifest bytea, at timestamptz, tables int, events bigint, bytes bigint, taken_over int, partition text,
    organization text, encrypted boolean, act bigint, tool_version text
) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set timezone = 'UTC'
set lock_timeout = '10s'
as $$
declare
    odd text;
begin
    if (name ~ '^backup-\d{8}T\d{6}Z-[0-9a-f]{6}$') is not true then
        odd := 'a backup has a name such as backup-20261122T013000Z-a1b2c3';
    elsif (octet_length(location) <= 4096 and location ~ '^(file:///|s3://)' and location !~ '[[:cntrl:]]') is not true then
        odd := 'a backup lies in a folder, file:///PATH, or in a bucket, s3://BUCKET/PREFIX';
    elsif octet_length(manifest) is distinct from 32 then
        odd := 'the digest of a manifest has 32 bytes';
    elsif (isfinite(at) and at <= clock_timestamp() + interval '1 minute') is not true then
        odd := 'a backup was begun at a time that is past';
    elsif (tables >= 0 and events >= 0 and bytes >= 0 and taken_over between 0 and tables) is not true then
        odd := 'a backup has numbers of tables, events and bytes, and takes over at most as many files as it has tables';
    elsif octet_length(partition) > 63 or length(organization) not between 1 and 128 then
        odd := 'a backup is limited to a partition, to an organization, or not at all';
    elsif encrypted is null then
        odd := 'a backup is encrypted or not';
    elsif not exists (select from pgtrail.act a where a.organization_id = 'pgtrail' and a.seq = record_backup.act) and act is not null then
        odd := 'a backup names the newest act that is in it';
    elsif (tool_version ~ '^[0-9A-Za-z.+-]{1,40}$') is not true then
        odd := 'the version of the tool is a version';
    end if;
    if odd is not null then
        raise exception using errcode = 'TR009', message = odd, hint = 'Nothing was recorded.';
    end if;
    return pgtrail.record_act('backup', jsonb_build_object(
        'name', name, 'location', location, 'manifest', encode(manifest, 'hex'), 'at', at, 'tables', tables, 'events', events,
        'bytes', bytes, 'taken_over', taken_over, 'partition', partition, 'organization', organization, 'encrypted', encrypted,
        'act', act, 'tool_version', tool_version));
end
$$;
comment on function pgtrail.record_backup(text, text, bytea, timestamptz, int, bigint, bigint, int, text, text, boolean, bigint, text) is
    'Records that the log was backed up';
revoke all on function pgtrail.record_backup(text, text, bytea, timestamptz, int, bigint, bigint, int, text, text, boolean, bigint, text)
    from public;
