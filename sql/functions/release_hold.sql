-- Releases all holds of a case that are in force, by one act; null where there is none.
create or replace function pgtrail.release_hold(case_id text, reason text, requested_by text default null) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
declare
    act bigint;
    released bigint[];
begin
    if coalesce(btrim(reason, E' \t\r\n'), '') = '' or length(reason) > 2000 or length(requested_by) > 200 then
        raise exception using errcode = 'TR009', hint = 'Nothing was released.',
            message = 'a release takes a reason, of 2000 characters at most, and who asked for it in 200';
    end if;
    perform pg_advisory_xact_lock(1885828210, -1);
    -- FOR UPDATE: an old snapshot must not release what it does not see.
    select array_agg(h.act_seq order by h.act_seq) into released
    from (select * from pgtrail.hold h where h.case_id = release_hold.case_id and h.released_seq is null for update) h;
    if released is null then
        -- A hold that was placed since would be overlooked.
        if current_setting('transaction_isolation') <> 'read committed' then
            raise exception using errcode = 'serialization_failure', hint = 'Nothing was released. Run it again at the isolation level read committed.',
                message = 'this snapshot sees no hold of the case';
        end if;
        return null;
    end if;
    act := pgtrail.record_act('release', jsonb_build_object('case', case_id, 'reason', reason, 'requested_by', requested_by,
        'holds', to_jsonb(released)));
    update pgtrail.hold h set released_seq = act where h.act_seq = any (released);
    return act;
end
$$;
comment on function pgtrail.release_hold(text, text, text) is 'Releases the holds of a case';
revoke all on function pgtrail.release_hold(text, text, text) from public;
