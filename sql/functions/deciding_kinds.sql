-- Acts that decide what may leave or change: who has read before one of them begins again.
create or replace function pgtrail.deciding_kinds() returns text[]
language sql immutable parallel safe
as $$
    select array['hold', 'release', 'retention', 'setting', 'purge', 'restore', 'redact', 'detach', 'attach', 'incarnation', 'subject_rule']
$$;
comment on function pgtrail.deciding_kinds() is 'Acts that decide what may leave or change';
revoke all on function pgtrail.deciding_kinds() from public;
