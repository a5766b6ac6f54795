// What lies with the events of an export: what was asked for, what is there, what is not, and how it can be checked (FORMAT.md).
import type { EventFilter } from "../query/criteria.js"
import { type DetachedPartition, statedDetached } from "../query/detached.js"
import { grouped, plural } from "../words.js"
import type { ExportFormat, ExportGroup } from "./shape.js"

/** Every count is a string of digits, every hash hex. */
export interface Manifest {
  readonly schema: "pgtrail.export/1"
  /** All events of whole organizations in a period, or a selection. */
  readonly kind: "evidence" | "extract"
  /** What wrote it: `export create`, or `query --out`, whose answer has any order and size. */
  readonly source: "export" | "query"
  /** What can be checked offline: that events follow one another, the hash of each by itself, or the files alone. */
  readonly checks: "chain" | "hashes" | "files"
  /** The same for a reader who knows nothing of hashes. */
  readonly statement: readonly string[]
  readonly log_id: string
  /** All that a lane may begin with, the present one first. */
  readonly log_ids: readonly string[]
  readonly incarnation: string
  readonly database: string
  /** session_user, and the server's clock on the snapshot. */
  readonly created_by: string
  readonly created_at: string
  readonly tool_version: string
  /** Of all times in the files. */
  readonly zone: "UTC"
  readonly format: ExportFormat
  readonly excel: boolean
  readonly columns: readonly string[]
  readonly excluded: readonly ExportGroup[]
  /** As they were understood: times in UTC. */
  readonly filters: EventFilter
  /** As they were typed; null where nobody typed. */
  readonly typed: string | null
  /** Where the answer of a query was drawn by chance: how many were asked for, with which seed, and of how many that match. */
  readonly sample?: ManifestSample | undefined
  /** Events of the organizations in the period, those of them that are here, and the others. */
  readonly population: { readonly events: string; readonly exported: string; readonly omitted: string }
  /** Of an extract: partitions of this time that were detached, and not read. */
  readonly detached?: readonly DetachedPartition[] | undefined
  readonly lanes: readonly ManifestLane[]
  /** Without a period: lanes that wrote events of which none is here. */
  readonly absent_lanes?: readonly ManifestAbsentLane[] | undefined
  /** What was purged from these organizations in the period; null where the role may not know. */
  readonly purges: readonly ManifestPurge[] | null
  /** The newest verification that was recorded, or the one that was made for the export. */
  readonly verification: ManifestVerification | null
  /** The newest checkpoint that is known. */
  readonly checkpoint: ManifestCheckpoint | null
  readonly files: readonly ManifestFile[]
}

export interface ManifestSample {
  readonly size: string
  readonly seed: string
  readonly population: string
}

export interface ManifestFile {
  readonly name: string
  readonly rows: string
  readonly bytes: string
  readonly sha256: string
}

export interface ManifestLane {
  readonly organization_id: string
  readonly lane: string
  readonly events: string
  readonly first: { readonly seq: string; readonly previous_hash: string; readonly hash: string }
  readonly last: { readonly seq: string; readonly hash: string }
  /** Places that are not here: between first and last, and without a period from 1 to the newest; null where nobody looked, or there are too many to be listed. */
  readonly missing: readonly ManifestGap[] | null
}

export type ManifestAbsentLane = Pick<ManifestLane, "organization_id" | "lane" | "missing">

export interface ManifestGap {
  readonly first: string
  readonly last: string
  /** Events that occurred outside of the period. */
  readonly outside: string
  /** Null where the role may not know. */
  readonly purged: readonly { readonly act: string; readonly events: string }[] | null
  /** What nothing explains. */
  readonly unexplained: string
}

export interface ManifestPurge {
  readonly act: string
  readonly organization_id: string
  readonly events: string
  readonly oldest_occurred_at: string
  readonly newest_occurred_at: string
}

export interface ManifestVerification {
  /** Null: it was not recorded. */
  readonly act: string | null
  readonly recorded_at: string
  readonly verdict: string
  readonly findings: string
  /** What was verified: null is all. */
  readonly organization: string | null
  readonly since: string | null
  readonly until: string | null
  readonly made_for_export: boolean
}

export interface ManifestCheckpoint {
  /** Its act; null where there is none of it. */
  readonly act: string | null
  readonly time: string
  /** Of the heads. */
  readonly digest: string
  readonly key: string | null
  /** Lanes whose exported events all lie at or before its heads; null where its list of heads was not given. */
  readonly covered_lanes: string | null
}

export const manifestName = "manifest.json"
export const signatureName = "manifest.json.sig"

/** Without one, evidence has every lane from its first event to its newest. */
export const hasPeriod = ({ since, until }: EventFilter): boolean =>
  since !== undefined || until !== undefined

interface Said
  extends Pick<
    Manifest,
    "kind" | "source" | "checks" | "excel" | "excluded" | "sample" | "population" | "filters" | "detached"
  > {
  /** Organizations that were asked for, and that the log does not know. */
  readonly unknown: readonly string[]
}

/** In words for somebody who has to rely on it and is no programmer. */
export function statementOf({
  kind,
  checks,
  excel,
  excluded,
  sample,
  population,
  filters,
  source,
  unknown,
  detached = [],
}: Said): string[] {
  const whose = filters.organization === undefined ? "of the whole log" : "of the organizations named"
  const when = hasPeriod(filters) ? " in the time named" : ""
  const there = plural(population.exported, "event")
  const first =
    kind === "evidence"
      ? `Evidence: all ${there} that the log had ${whose}${when}; none was selected or left out.`
      : `An extract: ${there} that match what was asked for, of ${grouped(population.events)} ${whose}${when}; ${grouped(population.omitted)} are left out.`
  const drawn =
    sample === undefined
      ? []
      : [
          `They were drawn by chance: of the ${plural(sample.population, "event")} that match, those whose sha256 of SEED/ORG/LANE/SEQ is least, with the seed ${JSON.stringify(sample.seed)}.`,
        ]
  const nobody = unknown.map(
    (name) => `The log has no events of the organization ${JSON.stringify(name)}, and never had one.`,
  )
  const second = {
    chain:
      "Each event carries a hash over its content and over the event before it: whoever has these files can check, without the " +
      "database, that from the first to the last of each lane none was altered, removed, added or moved since it was recorded; " +
      "where events in between are not here, the list of lanes says which, and why.",
    hashes:
      "Each event carries a hash over its content: whoever has these files can check that none was altered since it was recorded. That " +
      "none is missing of those that match the filters, the files cannot show: for that this manifest vouches, and who signed it.",
    files:
      source === "query"
        ? "Not evidence: the answer of a query, in the form that was asked for. Only the file as a whole can be checked."
        : excel
          ? "Not evidence: values were changed so that spreadsheets show them and run nothing. Only the files as a whole can be checked."
          : "Not evidence: columns are left out, so the hashes of the events cannot be computed. Only the files as a whole can be checked.",
  }[checks]
  const third = excluded.map(
    (group) =>
      `The ${group === "identity" ? "columns that say who acted" : "columns that say on what, and what else was recorded,"} are left out. ` +
      "In their place stands a digest that they can be compared with by whoever has them with their salt, and that betrays nothing without it.",
  )
  const unread = detached.length === 0 ? [] : [statedDetached(detached)]
  return [first, ...unread, ...drawn, ...nobody, second, ...third]
}
