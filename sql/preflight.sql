-- Refuses a server or a database that cannot hold the log, before anything is changed.
do $$
begin
    if current_setting('server_version_num')::int < 140000 then
        raise exception using errcode = 'TR006',
            message = format('PostgreSQL %s is too old: pgtrail needs 14 or later', current_setting('server_version')),
            hint = 'Nothing was changed; upgrade the server, or install into a newer one.';
    end if;
    if getdatabaseencoding() <> 'UTF8' then
        raise exception using errcode = 'TR007',
            message = format('database %I is encoded in %s: pgtrail needs UTF8', current_database(), getdatabaseencoding()),
            hint = format('Nothing was changed; make another one: create database %I encoding ''UTF8'' template template0;',
                current_database() || '_utf8');
    end if;
    if pg_is_in_recovery() then
        raise exception using errcode = 'read_only_sql_transaction',
            message = 'this server is a standby: a log is installed on the primary';
    end if;
end
$$;
