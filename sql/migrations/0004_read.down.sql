-- Takes the summaries away. Asks nobody: they are made again from the events after the next migration up (pgtrail summary refresh).
drop table pgtrail.summary, pgtrail.summary_actor, pgtrail.summary_cursor, pgtrail.summary_recount;
