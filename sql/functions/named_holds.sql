-- Holds that are over and name the subject of pg_temp.pgtrail_subject, as their actor, resource or correlation: by the numbers of their acts.
-- An erasure takes these names away. A hold that is in force is not over, and keeps them.
create or replace function pgtrail.named_holds() returns bigint[]
language plpgsql stable security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
declare
    forms record;
    found_holds bigint[];
begin
    perform pgtrail.check_subject_stage();
    select f.* into forms from pgtrail.subject_forms() f;
    select array_agg(h.act_seq order by h.act_seq) into found_holds
    from pgtrail.hold h
    where (h.released_seq is not null or h.expires_at <= clock_timestamp()) and h.cleared_seq is null
        and (pgtrail.fold_text(h.actor_id) = any (forms.folded) or pgtrail.fold_text(h.resource_id) = any (forms.folded)
            or pgtrail.fold_text(h.correlation_id) ~ forms.pattern or pgtrail.fold_text(h.correlation_id) = any (forms.folded));
    return coalesce(found_holds, '{}');
end
$$;
comment on function pgtrail.named_holds() is 'Holds that are over and name the subject';
revoke all on function pgtrail.named_holds() from public;
