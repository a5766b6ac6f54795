-- Gives the next event of an organization its place: lane, seq and the hash before it. Called by import_batch, and by seal_event where its own first lane is taken or new.
-- Takes the first free lane by a try-lock held to the end of the transaction, so it never waits and cannot deadlock.
-- The lane this transaction took last is kept in a local setting as a hint: whoever forges it harms nobody.
create or replace function pgtrail.take_place(
    organization text, class int, out lane smallint, out seq bigint, out previous_hash bytea, out reserved boolean
)
language plpgsql volatile parallel unsafe
as $$
declare
    setting constant text := 'pgtrail.lane_' || class;
    hint constant text := current_setting(setting, true);
    key constant int := hashtext(organization) & 255;
    old_snapshot constant boolean := current_setting('transaction_isolation') in ('repeatable read', 'serializable');
    hinted int;
    first_lane int;
    own_lane constant int := 144 + class * 95 + pg_backend_pid() % 95;
    lanes int;
    own boolean;
begin
    reserved := false;
    if hint <> '' then
        hinted := hint::int;
    end if;

    if not old_snapshot then
        first_lane := case when hinted between 0 and 999 then hinted else class * 16 end;
        lane := first_lane;
        for i in 1 .. 17000 loop
            exit when pg_try_advisory_xact_lock(1885828210, (lane::int << 8) | key);
            if i = 17000 then
                raise exception using errcode = 'serialization_failure',
                    message = 'every lane of the organization is taken', hint = 'Retry the transaction.';
            end if;
            -- Where the first is taken every backend goes on at a place of its own: one of many writers at once seldom meets a
            -- second taken one. 1000 lanes, and beyond them those above the band of the old snapshots.
            lane := case when i <= 1000 then (own_lane + i - 1) % 1000 else 15000 + i end;
        end loop;
        if lane <> first_lane then
            perform set_config(setting, lane::text, true);
        end if;
        select h.seq, h.hash
        into seq, previous_hash
        from pgtrail.chain_head h
        where h.organization_id = organization and h.lane = take_place.lane
        order by h.seq desc
        limit 1;
        if not found then
            seq := 0;
            previous_hash := pgtrail.open_lane(organization, lane);
        end if;
        seq := seq + 1;
        return;
    end if;

    -- Above READ COMMITTED: lanes of their own from 1000 on. An old snapshot cannot see who has moved a lane since, but it always
    -- meets a deleted head (40001) or an existing key (23505), and both mean: the next lane.
    lanes := least(14000, greatest(64, current_setting('max_connections')::int));
    if hinted between 1000 and 14999 then
        first_lane := hinted - 1000;
        -- If the newest head is our own row nobody can have moved the lane since: no subtransaction is needed. Its age alone
        -- does not tell: LOCK TABLE gives a transaction its id before its snapshot, and others' committed rows look younger.
        -- Its id alone does not either: a restored head has that of another server.
        select h.seq, h.hash, h.transaction_id = pg_current_xact_id() and age(h.xmin) <= 0
        into seq, previous_hash, own
        from pgtrail.chain_head h
        where h.organization_id = organization and h.lane = hinted
        order by h.seq desc
        limit 1;
        if own then
            lane := hinted;
            seq := seq + 1;
            return;
        end if;
    else
        first_lane := floor(random() * lanes);
    end if;
    for i in 0 .. lanes - 1 loop
        lane := 1000 + (first_lane + i) % lanes;
        begin
            if pg_try_advisory_xact_lock(1885828210, (lane::int << 8) | key) then
                select h.seq, h.hash
                into seq, previous_hash
                from pgtrail.chain_head h
                where h.organization_id = organization and h.lane = take_place.lane
                order by h.seq desc
                limit 1
                for update;
                if not found then
                    seq := 0;
                    previous_hash := pgtrail.open_lane(organization, lane);
                end if;
                seq := seq + 1;
                -- The key of the new head is what an old snapshot runs into; the caller puts the hash in.
                insert into pgtrail.chain_head values (organization, lane, seq, previous_hash);
                reserved := true;
                perform set_config(setting, lane::text, true);
                return;
            end if;
        exception when serialization_failure or unique_violation then
            null;
        end;
    end loop;
    raise exception using errcode = 'serialization_failure',
        message = 'no lane of the organization is free to this old snapshot', hint = 'Retry the transaction.';
end
$$;
comment on function pgtrail.take_place(text, int) is 'Next place in a lane of an organization';
revoke all on function pgtrail.take_place(text, int) from public;
