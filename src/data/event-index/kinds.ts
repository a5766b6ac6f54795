// The further indexes that a log can have, on each partition of pgtrail.event: what each serves, and what it is made on.
import { searchText, shortTags } from "../query/search-text.js"

export const indexKinds = ["search", "details", "tags", "subject", "external"] as const
export type IndexKind = (typeof indexKinds)[number]

/** One index of a partition. */
export interface Made {
  /** What its name ends in. */
  readonly ending: string
  readonly using: "gin" | "btree"
  /** What follows USING, in brackets; the operator class without its schema. */
  readonly on: string
  /** Which events it has; all where it is missing. */
  readonly where?: string
  /** Whose operator class it takes. */
  readonly extension?: "pg_trgm"
  /** It has an expression, of which only ANALYZE tells the planner how often something occurs. */
  readonly needsAnalyze: boolean
}

interface Kind {
  /** The options of the command line that it serves. */
  readonly serves: string
  /** A partition has the kind when it has each of these. */
  readonly indexes: readonly Made[]
}

/** As the views of profiles show it. It stands as the server writes it, which `bare` does not level. */
const number =
  "(case when external_number >= '-2147483648'::integer and external_number <= 2147483647 then external_number else null::bigint end)::integer"

export const madeOn: Readonly<Record<IndexKind, Kind>> = {
  search: {
    serves: "--grep",
    indexes: [
      {
        ending: "search",
        using: "gin",
        on: `(${searchText}) gin_trgm_ops`,
        extension: "pg_trgm",
        needsAnalyze: true,
      },
    ],
  },
  details: {
    serves: "--where",
    indexes: [{ ending: "details", using: "gin", on: "details jsonb_path_ops", needsAnalyze: false }],
  },
  tags: {
    serves: "--tag, --compliance",
    indexes: [
      {
        ending: "tags",
        using: "gin",
        on: `(${shortTags("tags")}), (${shortTags("compliance_tags")})`,
        // An event without any costs nothing then.
        where: "tags is not null or compliance_tags is not null",
        needsAnalyze: true,
      },
    ],
  },
  subject: {
    serves: "gdpr by email, name, ip, device",
    indexes: [
      {
        ending: "subject",
        using: "gin",
        // As find_subject.sql asks for it; what is longer than an entry may be is compared by its beginning.
        on: `(array[lower("left"(actor_email, 300)), "left"(actor_name, 300), host(ip_address), "left"(device_id, 300)])`,
        where:
          "actor_email is not null or actor_name is not null or ip_address is not null or device_id is not null",
        needsAnalyze: true,
      },
    ],
  },
  // Two, since the ids are asked for alone; an event costs only the one that it has. The conditions are such that a comparison implies
  // them. Nothing is to be analyzed: the planner takes no statistics from an index with a condition, and
  // takes an id for many events; with the organization in it, no second index is read to make them fewer.
  external: {
    serves: "ids of profiles",
    indexes: [
      {
        ending: "external_id",
        using: "btree",
        on: `"left"(external_id, 300), organization_id`,
        where: "external_id is not null",
        needsAnalyze: false,
      },
      {
        ending: "external_number",
        using: "btree",
        on: `(${number}), organization_id`,
        where: `(${number}) is not null`,
        needsAnalyze: false,
      },
    ],
  },
}

export interface KnownIndex {
  readonly kind: IndexKind
  readonly made: Made
}

const known: readonly KnownIndex[] = indexKinds.flatMap((kind) =>
  madeOn[kind].indexes.map((made) => ({ kind, made })),
)

/** Which index it is, by what `pg_get_indexdef` says of it and not by its name: a DBA's own counts as well. */
export function indexOfDefinition(definition: string): KnownIndex | undefined {
  const parts = /^.* USING (gin|btree) \((.*?)\)(?: WITH \([^()]*\))?(?: WHERE (.*))?$/s.exec(definition)
  if (parts === null) return undefined
  const [, using, on = "", where = ""] = parts
  return known.find(
    ({ made }) =>
      made.using === using && bare(made.on) === bare(on) && bare(made.where ?? "") === bare(where),
  )
}

/** Without what the server adds or leaves out when it writes an expression. */
const bare = (on: string): string =>
  on
    .toLowerCase()
    .replace(/(?:"(?:[^"]|"")*"|[^\s"(),.]+)\.gin_trgm_ops/, "gin_trgm_ops")
    .replaceAll("character varying", "varchar")
    .replace(/::text|[\s()]/g, "")
