-- An address that stands in a record as text, or null where it is none or would not be written the same again (a service name, a
-- leading zero, an IPv6 address in capitals): what is moved into a column must be the same when it is read back.
create or replace function pgtrail.parse_address(address text) returns inet
language plpgsql immutable parallel unsafe
set search_path = pg_catalog, pg_temp
as $$
begin
    if address !~ '^[0-9a-f.:]{2,45}$' or address !~ '[.:]' then
        return null;
    end if;
    return case when host(address::inet) = address then address::inet end;
exception when data_exception then
    return null;
end
$$;
comment on function pgtrail.parse_address(text) is 'An address, where the text is one';
revoke all on function pgtrail.parse_address(text) from public;
