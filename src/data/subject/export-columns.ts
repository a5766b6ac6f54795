// Which columns of an event name its actor, and where else a name may stand.
import type { EventColumn } from "../event-columns.js"
import type { Identifier } from "./identifiers.js"

export const identity = [
  ["actor_id", "id"],
  ["actor_name", "name"],
  ["actor_email", "email"],
  ["ip_address", "ip"],
  ["user_agent", undefined],
  ["session_id", "session"],
  ["device_id", "device"],
] as const satisfies readonly (readonly [EventColumn, Identifier["kind"] | undefined])[]
export const documents = ["request_params", "before_state", "after_state", "details"] as const

/** `text` waits for a human in every event, `waits` where others are in the event, for it may name them though nobody wrote it for people. */
export type Search = "searched" | "vocabulary" | "waits" | "text" | "document"
/** Where names are looked for that are masked in another column; the organization is the place of the event. */
export const searches: Partial<Record<EventColumn, Search>> = {
  ...asSearch(
    "searched",
    identity.map(([column]) => column),
  ),
  ...asSearch("searched", ["resource_id", "external_id", "project_id", "source"]),
  ...asSearch("vocabulary", [
    "event_type",
    "category",
    "action",
    "actor_type",
    "actor_role",
    "resource_type",
  ]),
  ...asSearch("vocabulary", ["event_version", "data_classification", "retention_policy", "compliance_tags"]),
  ...asSearch("waits", [
    "resource_name",
    "namespace",
    "request_path",
    "request_id",
    "correlation_id",
    "tags",
  ]),
  ...asSearch("text", ["description", "error_message"]),
  ...asSearch("document", documents),
}

function asSearch(search: Search, columns: readonly EventColumn[]): Partial<Record<EventColumn, Search>> {
  return Object.fromEntries(columns.map((column) => [column, search]))
}
