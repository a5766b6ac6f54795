-- The partitions of a new log: DEFAULT, so that no insert is ever refused for want of one, that of today and the next six.
do $$
begin
    perform pgtrail.create_partition('event_default');
    -- An earlier version that somebody installs knows months alone.
    if to_regproc('pgtrail.create_partitions') is null then
        perform pgtrail.create_months(now(), now() + interval '6 months');
    else
        perform pgtrail.create_partitions(now(), now() + 6 * (r.until - r.since)) from pgtrail.partition_range(now()) r;
    end if;
end
$$;
