// Times without a zone mean UTC: in a session of another zone they would be hours off, and nobody would see it.
import type { Check } from "./shape.js"

/**
 * Whether a time came from a session in whose zone a time without a zone is UTC. What `default now()` gave is right in every zone. A time that had its
 * zone cannot be told from one that had none, so both are refused.
 */
export const inUtc = (column: string): Check => ({
  name: "pgtrail_time_zone_utc",
  sql: `extract(timezone from new.${column}) = 0 or new.${column} = now()`,
  hint:
    "Nothing was changed. Times without a zone mean UTC, and this session has another zone: set timezone = 'UTC'; for good, " +
    "alter role ROLE in database DATABASE set timezone = 'UTC' for the role that logs in (a member of a --writer does not inherit it).",
})
