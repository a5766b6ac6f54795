// Records an export as an act, where the role and the server allow it.
import type { ClientBase } from "pg"
import { withTransaction } from "../connection.js"
import { type CriterionName, criterionNames, type EventFilter } from "../query/criteria.js"
import { toTrailError } from "../server-errors.js"
import { refuseForeignFunctions } from "../verify/foreign.js"
import { version } from "../version.js"
import type { Manifest } from "./manifest.js"

export interface RecordedExport {
  readonly act: string | null
  /** Why there is none. */
  readonly not_recorded: string | null
}

const signature =
  "pgtrail.record_export(text,text,text[],timestamptz,timestamptz,text[],text[],bigint,bytea,text)"

/** So many organizations stand in the act by name. */
const mostNames = 1000

/** `sha256`: of the manifest, in hex. What cannot be recorded is told, and no reason to give nothing out: whoever reads could copy too. */
export function recordExport(
  client: ClientBase,
  manifest: Manifest,
  sha256: string,
): Promise<RecordedExport> {
  const { kind, format, excel, filters, excluded, population } = manifest
  return recordTaken(client, {
    kind,
    format: excel ? "excel" : format,
    organizations: [filters.organization ?? []].flat(),
    since: filters.since,
    until: filters.until,
    filters: filterNames(filters),
    excluded,
    events: population.exported,
    sha256,
  })
}

/** What an act says of events that were taken away. */
export interface Taken {
  readonly kind: Manifest["kind"] | "subject"
  readonly format: string
  readonly organizations: readonly string[]
  readonly since: string | undefined
  readonly until: string | undefined
  /** Names alone. */
  readonly filters: readonly string[]
  readonly excluded: readonly string[]
  readonly events: string
  /** Of the manifest, in hex. */
  readonly sha256: string
}

export async function recordTaken(client: ClientBase, taken: Taken): Promise<RecordedExport> {
  try {
    const { rows } = await client.query<{ standby: string; known: string; allowed: string | null }>(
      `select pg_is_in_recovery() as standby, to_regprocedure($1) is not null as known,
          has_function_privilege(to_regprocedure($1), 'execute') as allowed`,
      [signature],
    )
    if (rows[0]?.standby === "t") return { act: null, not_recorded: "this server is a standby" }
    if (rows[0]?.known !== "t") return { act: null, not_recorded: "the log is older: pgtrail migrate up" }
    if (rows[0]?.allowed !== "t") return { act: null, not_recorded: "this role may not record one" }
    return { act: await record(client, taken), not_recorded: null }
  } catch (error) {
    const known = toTrailError(error)
    return { act: null, not_recorded: known instanceof Error ? known.message : "unknown error" }
  }
}

function record(client: ClientBase, taken: Taken): Promise<string | null> {
  const { kind, format, organizations, since, until, filters, excluded, events, sha256 } = taken
  return withTransaction(
    client,
    "begin isolation level read committed; set local synchronous_commit = on",
    async () => {
      await refuseForeignFunctions(client)
      const { rows } = await client.query<{ seq: string }>(
        "select pgtrail.record_export($1, $2, $3, $4, $5, $6, $7, $8, decode($9, 'hex'), $10) as seq",
        [
          kind,
          format,
          organizations.length === 0 || organizations.length > mostNames ? null : organizations,
          since ?? null,
          until ?? null,
          filters,
          excluded,
          events,
          sha256,
          version,
        ],
      )
      return rows[0]?.seq ?? null
    },
  )
}

/** Names alone: a value may be somebody's. Organization and period stand for themselves. */
export function filterNames(filter: EventFilter): string[] {
  const given = (from: EventFilter["not"]): CriterionName[] =>
    criterionNames.filter((name) => [from?.[name] ?? []].flat().length > 0)
  return [
    ...given(filter).filter((name) => name !== "organization"),
    ...given(filter.not).map((name) => `not-${name}`),
  ]
}
