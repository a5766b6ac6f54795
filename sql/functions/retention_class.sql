-- Events of one retention class tend to one lane: same fate, same lane, so that purge records stay short. 0 is the standard class.
create or replace function pgtrail.retention_class(retention_policy text) returns int
language sql immutable parallel safe
as $$
    select case when retention_policy = 'standard' then 0 else 1 + (hashtext(retention_policy) & 7) end
$$;
comment on function pgtrail.retention_class(text) is 'Number of a retention class, 0 to 8';
revoke all on function pgtrail.retention_class(text) from public;
