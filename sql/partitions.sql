-- The partitions of a new log: DEFAULT, so that no insert is ever refused for want of one, that of today and the next six.
do $$
declare
    sixth timestamptz := now();
begin
    perform pgtrail.create_partition('event_default');
    -- An earlier version that somebody installs knows months alone.
    if to_regproc('pgtrail.create_partitions') is null then
        perform pgtrail.create_months(now(), now() + interval '6 months');
    else
        -- One after the other: months have no length, and six times that of this one may end in the fifth or the seventh.
        for i in 1..6 loop
            sixth := (pgtrail.partition_range(sixth)).until;
        end loop;
        perform pgtrail.create_partitions(now(), sixth);
    end if;
end
$$;
