// The further indexes that a log can have, on each partition of pgtrail.event: what each serves, and what it is made on.
import { searchText, shortTags } from "../query/search-text.js"

export const indexKinds = ["search", "details", "tags", "subject"] as const
export type IndexKind = (typeof indexKinds)[number]

interface Made {
  /** The options of the command line that it serves. */
  readonly serves: string
  /** What follows USING GIN, in brackets; the operator class without its schema. */
  readonly on: string
  /** Which events it has; all where it is missing. */
  readonly where?: string
  /** Whose operator class it takes. */
  readonly extension?: "pg_trgm"
  /** An expression, of which only ANALYZE tells the planner how often something occurs. */
  readonly isExpression: boolean
}

export const madeOn: Readonly<Record<IndexKind, Made>> = {
  search: {
    serves: "--grep",
    on: `(${searchText}) gin_trgm_ops`,
    extension: "pg_trgm",
    isExpression: true,
  },
  details: { serves: "--where", on: "details jsonb_path_ops", isExpression: false },
  tags: {
    serves: "--tag, --compliance",
    on: `(${shortTags("tags")}), (${shortTags("compliance_tags")})`,
    // An event without any costs nothing then.
    where: "tags is not null or compliance_tags is not null",
    isExpression: true,
  },
  subject: {
    serves: "gdpr by email, name, ip, device",
    // As find_subject.sql asks for it; what is longer than an entry may be is compared by its beginning.
    on: `(array[lower("left"(actor_email, 300)), "left"(actor_name, 300), host(ip_address), "left"(device_id, 300)])`,
    where:
      "actor_email is not null or actor_name is not null or ip_address is not null or device_id is not null",
    isExpression: true,
  },
}

/** Which kind an index is, by what `pg_get_indexdef` says of it and not by its name: a DBA's own counts as well. */
export function kindOfDefinition(definition: string): IndexKind | undefined {
  const parts = /^.* USING gin \((.*?)\)(?: WITH \([^()]*\))?(?: WHERE (.*))?$/s.exec(definition)
  if (parts === null) return undefined
  const [, on = "", where = ""] = parts
  return indexKinds.find(
    (kind) => bare(madeOn[kind].on) === bare(on) && bare(madeOn[kind].where ?? "") === bare(where),
  )
}

/** Without what the server adds or leaves out when it writes an expression. */
const bare = (on: string): string =>
  on
    .toLowerCase()
    .replace(/(?:"(?:[^"]|"")*"|[^\s"(),.]+)\.gin_trgm_ops/, "gin_trgm_ops")
    .replaceAll("character varying", "varchar")
    .replace(/::text|[\s()]/g, "")
