-- Acts that take something away or let it go: with the setting require-signed-acts they need a signature. The one list of them in SQL.
create or replace function pgtrail.is_destructive(kind text) returns boolean
language sql immutable parallel safe
as $$
    select kind in ('accept', 'setting', 'incarnation', 'purge', 'release', 'retention', 'remove_archive', 'redact')
$$;
comment on function pgtrail.is_destructive(text) is 'Whether acts of this kind can be required to be signed';
revoke all on function pgtrail.is_destructive(text) from public;
