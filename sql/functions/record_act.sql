-- Adds an act to the act chain. Granted to nobody: the functions that act call it. Takes the act chain's lock to the end of the
-- transaction, so acts have one order, and that order is the order of what they did.
create or replace function pgtrail.record_act(kind text, parameters jsonb, digest bytea default null) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
declare
    a pgtrail.act;
begin
    -- The next place in the chain is the publisher's: an act of this server would take its number, and replication would stop there.
    if exists (select from pg_subscription_rel r where r.srrelid = 'pgtrail.act'::regclass) then
        raise exception using errcode = 'TR019',
            message = 'this log is written by a subscription: its acts are those of the publisher',
            hint = 'Nothing was changed. Run it there; or drop the subscription first, if this log is to take over.';
    end if;
    perform pg_advisory_xact_lock(1885828210, -1);
    select l.seq, l.hash into a.seq, a.previous_hash from pgtrail.act l order by l.seq desc limit 1;
    if not found then
        a.seq := 0;
        select sha256(record_send(row('pgtrail act genesis'::text, l.log_id))) into a.previous_hash from pgtrail.log l;
    end if;
    begin
        select s.system_identifier, c.timeline_id
        into a.system_identifier, a.timeline
        from pg_control_system() s, pg_control_checkpoint() c;
    exception when insufficient_privilege then
        null; -- some managed servers do not tell
    end;
    a.organization_id := 'pgtrail';
    a.seq := a.seq + 1;
    a.kind := record_act.kind;
    a.parameters := record_act.parameters;
    a.digest := record_act.digest;
    a.recorded_at := clock_timestamp();
    a.session_user_name := session_user;
    a.client_address := inet_client_addr();
    a.transaction_id := pg_current_xact_id();
    a.hash_version := 1;
    a.hash := sha256(record_send(row(
        'pgtrail act'::text, a.hash_version, a.organization_id, a.seq, a.previous_hash, a.kind, a.parameters, a.digest,
        a.recorded_at, a.session_user_name, a.client_address, a.transaction_id::text::bigint, a.system_identifier,
        a.timeline)));
    -- An old snapshot does not see the newest act: the server then says so itself (40001), and never that a key exists.
    insert into pgtrail.act select a.* on conflict do nothing;
    if not found then
        raise exception using errcode = 'serialization_failure',
            message = 'another act was recorded since this snapshot', hint = 'Retry the transaction.';
    end if;
    return a.seq;
end
$$;
comment on function pgtrail.record_act(text, jsonb, bytea) is 'Adds an act to the act chain';
revoke all on function pgtrail.record_act(text, jsonb, bytea) from public;
