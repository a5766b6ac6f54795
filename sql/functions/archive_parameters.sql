-- What an act of purge says of the archive that has its events. `since` and `until` are the bounds of the partition, `policies` by which
-- its events were due, and the kinds of them stand there by their sha256. To be called under the lock of the act chain: no file of an
-- archive in the database itself is taken away after this.
create or replace function pgtrail.archive_parameters(
    archive jsonb, kinds pgtrail.archive_kind[], since timestamptz, until timestamptz, policies jsonb
) returns jsonb
language plpgsql volatile parallel unsafe
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
    time_form constant text := 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"';
begin
    if archive->>'location' = 'table:' and (archive->>'bytes')::bigint is distinct from (
        select sum((f.metadata->>'bytes')::bigint)
        from (select s.metadata from pgtrail.archive_storage s where starts_with(s.id, (archive->>'name') || '/') for key share) f)
    then
        raise exception using errcode = 'TR017', message = format('the files of %s are not in the table any more', archive->>'name'),
            hint = 'Nothing was purged. Run it again.';
    end if;
    return jsonb_build_object('name', archive->>'name', 'location', archive->>'location', 'manifest', archive->>'manifest',
        'bytes', (archive->>'bytes')::bigint, 'due', (archive->>'due')::boolean,
        'since', to_char((archive->>'since')::timestamptz, time_form), 'until', to_char((archive->>'until')::timestamptz, time_form), 'by', policies,
        'bounds', jsonb_build_array(case when isfinite(since) then to_char(since, time_form) else since::text end,
            case when isfinite(until) then to_char(until, time_form) else until::text end),
        'kinds', (
            select encode(sha256(coalesce(string_agg(record_send(row('pgtrail archive kind'::text, k.organization_id, k.data_classification,
                k.event_type, k.retention_policy, k.compliance_tags, k.events, k.oldest_occurred_at, k.newest_occurred_at)), ''::bytea
                order by k.kind), ''::bytea)), 'hex')
            from unnest(kinds) k));
end
$$;
comment on function pgtrail.archive_parameters(jsonb, pgtrail.archive_kind[], timestamptz, timestamptz, jsonb) is 'What an act says of an archive';
revoke all on function pgtrail.archive_parameters(jsonb, pgtrail.archive_kind[], timestamptz, timestamptz, jsonb) from public;
