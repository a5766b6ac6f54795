// What to know of a profile's views beside what they cannot answer: what is stored, which filters reach an index, and what a time without a zone is.
import type { Profile } from "./shape.js"

/** Of each view, a column whose values begin with words that people look for; the log's index has it. */
const typed: Readonly<Record<string, readonly [column: string, beginning: string, next: string]>> = {
  mem0: ["operation", "mem0", "mem1"],
  memoric: ["event_type", "auth.", "auth/"],
  agenttrace: ["event_type", "auth.", "auth/"],
  "audit-db": ["action", "user.", "user/"],
  "ai-firewall": ["tool_name", "Chat", "Chau"],
}

/** Of each view, the columns that an index of the log has, in one organization. Every other is asked of the events that these leave. */
export const indexedColumns: Readonly<Record<string, readonly string[]>> = {
  mem0: ["id", "timestamp", "user_id", "operation", "resource_type", "request_id"],
  memoric: ["timestamp", "event_type", "user_id", "resource_type", "session_id"],
  agenttrace: ["timestamp", "actor_id", "event_type", "resource_type", "request_id", "session_id"],
  "audit-db": ["timestamp", "principal_id", "action", "correlation_id"],
  "ai-firewall": ["id", "timestamp", "user_id", "tool_name"],
}

/** A sentence each. */
export function notesOf(profile: Profile): string[] {
  const views = profile.views.map(({ name }) => name).join(", ")
  const tables = profile.companions.filter(
    ({ kind, name }) => kind === "table" && !name.startsWith("pgtrail_"),
  )
  const [first] = profile.views.map((view) => view.columns[0]?.name ?? "")
  const unindexed = [first ?? ""].filter((name) => indexedColumns[profile.name]?.includes(name) !== true)
  // By pgtrail index add external; a uuid is the event's own id, which the log has an index of.
  const external = unindexed.map(
    (name) =>
      `. With pgtrail index add external, ${name} (=, in, between) alone reaches an index too, without a range of time`,
  )
  const [column = "", beginning = "", next = ""] = typed[profile.name] ?? []
  return [
    ...(profile.notes ?? []),
    ...(tables.length === 0
      ? []
      : [
          `${tables.map(({ name }) => name).join(", ")}: tables beside the log, which pgtrail backup create does not save (pg_dump -t does) and pgtrail gdpr erase does not change: it counts the rows that have the person, and is not complete before they are deleted there`,
        ]),
    `UPDATE and DELETE of ${views} are refused (42501). A --writer has these rights, by which a trigger tells him what to run in their place: pgtrail retention run, pgtrail gdpr erase, pgtrail gdpr rectify. They change and lock no event: FOR UPDATE and LOCK TABLE are refused too. Without these rights, or where a WHERE names a column that he may not read, the words are PostgreSQL's own: permission denied for view`,
    `${views} ${profile.views.length === 1 ? "is a view" : "are views"} without a key: an id that comes twice is two events. ON CONFLICT DO NOTHING prevents none of them and ON CONFLICT (${profile.views[0]?.columns[0]?.name ?? "id"}) is refused; in their place: insert ... select ... where not exists (select from ${profile.views[0]?.name ?? ""} where ...), as a role that may read it. A foreign key to it is refused too. In the place of COPY ${profile.views[0]?.name ?? ""} TO: COPY (SELECT * FROM ${profile.views[0]?.name ?? ""}) TO`,
    `filters of ${views} that compare ${(indexedColumns[profile.name] ?? []).join(", ")} (=, in, <, >=, between) reach the log's indexes${profile.views.some((view) => view.hasOrganization) ? ", together with organization_id" : ""}. Comparisons of other columns${unindexed.length === 0 ? "" : `, ${unindexed.join(", ")} among them,`} are asked of every event that these leave${external.join("")}. LIKE, lower(), jsonb operators and other functions of a column do not pass the view's barrier: explain has them as Filter of "Subquery Scan on ${views}", asked of every row that the comparisons leave. Give a range of time with them`,
    `in the place of ${column} LIKE '${beginning}%': ${column} >= '${beginning}' and ${column} < '${next}', which reaches an index; of lower() and LIKE '%text%': pgtrail query --grep TEXT; of jsonb operators, on what the event has in details: pgtrail query --where PATH`,
    "times without a zone mean UTC: a row from a session of another zone is refused (23514, pgtrail_time_zone_utc), unless its time is now(). --writer and --reader set UTC for these roles; a member of one that logs in itself does not inherit it: alter role MEMBER in database DATABASE set timezone = 'UTC'",
  ]
}
