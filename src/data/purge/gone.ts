// What stands in FROM of whoever asks what was purged: the one place that knows that events may have come back from an archive.

/**
 * All records of purges, with the act that brought their events back. In a log of a level without archives the name restored_seq means the
 * outer one, which is null: so one text fits every level.
 */
export const purgeRecordTable = `(select g.* from (select null::bigint as restored_seq) older, lateral (
  select r.act_seq, r.organization_id, r.lane, r.ranges, r.hashes, r.events, r.oldest_occurred_at, r.newest_occurred_at,
    r.oldest_recorded_at, r.newest_recorded_at, restored_seq
  from pgtrail.purge r) g)`

/** The records whose events are gone, and so explain why places are empty: those that were restored explain nothing any more. */
export const goneTable = `(select g.* from ${purgeRecordTable} g where g.restored_seq is null)`
