-- The partitions of a new log: DEFAULT, so that no insert is ever refused for want of one, this month and the next six.
select pgtrail.create_partition('event_default');
select pgtrail.create_months(now(), now() + interval '6 months');
