-- Changes a setting of the log, by an act that has its old and its new value; null where it has that value already. The settings
-- that people may change, and what values they take, stand here.
create or replace function pgtrail.set_setting(name text, value text) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
declare
    wanted text := value;
    before text;
begin
    if name = 'event-size-limit' then
        if value ~ '^[0-9]{1,10}$' and value::bigint between 65536 and 1073741824 then
            wanted := value::bigint::text;
        else
            raise exception using errcode = 'TR009', hint = 'Nothing was changed.',
                message = 'event-size-limit takes a number of bytes from 65536 to 1073741824';
        end if;
    elsif name = 'require-signed-acts' then
        if value is null or value not in ('on', 'off') then
            raise exception using errcode = 'TR009', hint = 'Nothing was changed.',
                message = 'require-signed-acts takes on or off';
        end if;
    elsif name = 'retention-grace' then
        if (value ~ '^[0-9]{1,4}d$') is not true then
            raise exception using errcode = 'TR009', hint = 'Nothing was changed.',
                message = 'retention-grace takes a number of days, from 0d to 9999d';
        end if;
        wanted := rtrim(value, 'd')::int || 'd';
    elsif name in ('organization-keep-least', 'organization-keep-most') then
        if (value = 'none' or value ~ '^[1-9][0-9]{0,4}d$' and rtrim(value, 'd')::int <= 36500) is not true then
            raise exception using errcode = 'TR009', hint = 'Nothing was changed.',
                message = format('%s takes a number of days, from 1d to 36500d, or none', name);
        end if;
    elsif name = 'partitions-ahead' then
        if (value ~ '^[0-9]{1,3}$' and value::int <= 120) is not true then
            raise exception using errcode = 'TR009', hint = 'Nothing was changed.',
                message = 'partitions-ahead takes a number from 0 to 120';
        end if;
        wanted := value::int::text;
    elsif name = 'partition-interval' then
        if (value in ('week', 'month', 'quarter', 'year')) is not true then
            raise exception using errcode = 'TR009', hint = 'Nothing was changed.',
                message = 'partition-interval takes week, month, quarter or year';
        elsif exists (select from pg_inherits i where i.inhparent = 'pgtrail.event'::regclass) then
            raise exception using errcode = 'TR009', hint = 'Nothing was changed.',
                message = 'partition-interval is chosen when the log is installed: pgtrail install --partition-interval';
        end if;
    elsif name in ('roles', 'code-checksum', 'catalog-checksum') then
        raise exception using errcode = 'TR009', hint = 'Nothing was changed; pgtrail migrate up sets it.',
            message = format('the setting %s is not changed by hand', name);
    else
        raise exception using errcode = 'TR009', hint = 'Nothing was changed; pgtrail setting list tells all.',
            message = 'there is no such setting: event-size-limit, require-signed-acts, retention-grace, partitions-ahead, '
                'organization-keep-least and organization-keep-most can be changed';
    end if;
    perform pg_advisory_xact_lock(1885828210, -1);
    -- FOR UPDATE: an old snapshot must not take the value before another's change for the present one.
    select s.value into before from pgtrail.setting s where s.name = set_setting.name for update;
    if before = wanted then
        return null;
    end if;
    if before is null then
        insert into pgtrail.setting select set_setting.name, wanted;
    else
        update pgtrail.setting s set value = wanted where s.name = set_setting.name;
    end if;
    return pgtrail.record_act('setting', jsonb_build_object('name', name, 'value', wanted, 'before', before));
end
$$;
comment on function pgtrail.set_setting(text, text) is 'Changes a setting of the log';
revoke all on function pgtrail.set_setting(text, text) from public;
