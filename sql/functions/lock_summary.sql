-- One run at a time changes the summaries; a second is told so and does not wait. The other lock is held for one transaction alone:
-- pgtrail.forget_summary waits for it, so that what a purge takes away is either counted before and forgotten, or not counted.
create or replace function pgtrail.lock_summary() returns void
language plpgsql volatile parallel unsafe
as $$
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception using errcode = 'feature_not_supported',
            message = 'summaries are made at the isolation level read committed', hint = 'Nothing was changed.';
    elsif not pg_try_advisory_xact_lock(1885828210, -4) then
        raise exception using errcode = 'TR015', message = 'another run makes the summaries of this log',
            hint = 'Nothing was changed; it counts what this run would have counted.';
    end if;
    perform pg_advisory_xact_lock(1885828210, -5);
end
$$;
comment on function pgtrail.lock_summary() is 'Begins a change of the summaries';
revoke all on function pgtrail.lock_summary() from public;
