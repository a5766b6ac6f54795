// What lies with the data of a subject and says what they are: Article 15(1) in the words of whoever is responsible, and what was searched.

import type { ClientBase } from "pg"
import type { Facts } from "../export/facts.js"
import type { ManifestFile } from "../export/manifest.js"
import type { WrittenFile } from "../export/pages.js"
import { version } from "../version.js"
import { plural } from "../words.js"
import type { MaskCounts } from "./export-mask.js"
import { reviewName, type SubjectFormat, subjectColumns } from "./export-rows.js"
import type { FoundUngiven } from "./ungiven.js"

/** What the configuration says; null where it says nothing. */
export interface SubjectTexts {
  /** Who is responsible, and how to reach him. */
  readonly controller: string | null
  readonly purposes: string | null
  readonly categories: string | null
  readonly recipients: string | null
  readonly transfers: string | null
  /** How long, beside the rules of the log. */
  readonly retention: string | null
  readonly source: string | null
  readonly automation: string | null
  readonly rights: string
  readonly complaint: string
}

export const usualTexts = {
  rights:
    "You may ask for rectification or erasure of your personal data, or for restriction of their processing, and you may object to it.",
  complaint: "You may lodge a complaint with a supervisory authority.",
} as const

/** What Article 15(1) demands, and nobody but the controller knows. */
export const demanded = ["controller", "purposes", "categories", "recipients", "source"] as const

export interface SubjectManifestRule {
  readonly kind: string
  readonly name: string
  readonly organization_id: string | null
  readonly event_type: string | null
  readonly data_classification: string | null
  readonly compliance_tag: string | null
  readonly keep_days: string
}

export interface SubjectManifestArchive {
  readonly name: string
  readonly included: boolean
  /** Events of the subject in it; null where nobody could look. */
  readonly events: string | null
  readonly why: string | null
  /** What includes it. */
  readonly next: string | null
}

/** Every count is a string of digits, every hash hex. No identifier stands in it. */
export interface SubjectManifest {
  readonly schema: "pgtrail.subject-export/1"
  readonly statement: readonly string[]
  readonly request: string | null
  readonly log_id: string
  readonly incarnation: string
  readonly database: string
  readonly created_by: string
  readonly created_at: string
  readonly tool_version: string
  readonly zone: "UTC"
  readonly format: SubjectFormat
  readonly columns: readonly string[]
  readonly filters: {
    /** How many identifiers were looked for. */
    readonly identifiers: string
    readonly organizations: readonly string[] | null
    readonly since: string | null
    readonly until: string | null
    /** All text was searched too. */
    readonly text: boolean
  }
  readonly counts: {
    readonly events: string
    readonly as_actor: string
    readonly as_subject: string
    readonly mentioned: string
    /** Events in which something of others is masked. */
    readonly masked: string
    readonly review_events: string
    readonly review_values: string
  }
  /** Whether text that may name others is here. */
  readonly text: "withheld" | "included"
  readonly searched: {
    readonly partitions: readonly string[]
    /** Those of them that no query asks. */
    readonly detached: readonly string[]
    readonly archives: readonly SubjectManifestArchive[]
    /** Ids of privacy keys that were not given, and under whose pseudonyms more events may stand. */
    readonly missing_keys: readonly string[]
    /** His own events with an e-mail address or a name that was not given, which may lead to more. */
    readonly ungiven: readonly FoundUngiven[]
    /** How the ID was written otherwise than events have it, in words. */
    readonly misnamed: readonly string[]
    /** Tables of profiles beside the log that have the person, or that could not be read, in words. */
    readonly companions: readonly string[]
  }
  readonly information: SubjectTexts
  readonly retention: readonly SubjectManifestRule[]
  readonly files: readonly ManifestFile[]
}

export interface ManifestParts {
  readonly request: string | undefined
  readonly format: SubjectFormat
  readonly filters: SubjectManifest["filters"]
  readonly counts: MaskCounts
  readonly includeText: boolean
  readonly searched: SubjectManifest["searched"]
  readonly texts: SubjectTexts
  readonly retention: readonly SubjectManifestRule[]
  readonly files: readonly WrittenFile[]
}

export function makeSubjectManifest(facts: Facts, parts: ManifestParts): SubjectManifest {
  const { format, counts, searched, texts } = parts
  const files = parts.files.map(({ name, rows, bytes, sha256 }) => ({
    name,
    rows: String(rows),
    bytes: String(bytes),
    sha256,
  }))
  const known = {
    events: files[0]?.rows ?? "0",
    as_actor: String(counts.asActor),
    as_subject: String(counts.asSubject),
    mentioned: String(counts.mentioned),
    masked: String(counts.masked),
    review_events: String(counts.reviewEvents),
    review_values: String(counts.reviewValues),
  }
  const text = parts.includeText ? "included" : "withheld"
  return {
    schema: "pgtrail.subject-export/1",
    statement: statementOf(known, text, searched),
    request: parts.request ?? null,
    log_id: facts.logId,
    incarnation: facts.incarnation,
    database: facts.database,
    created_by: facts.user,
    created_at: facts.time,
    tool_version: version,
    zone: "UTC",
    format,
    columns: subjectColumns,
    filters: parts.filters,
    counts: known,
    text,
    searched,
    information: texts,
    retention: parts.retention,
    files,
  }
}

/** Rules in force that may be for events of these organizations. */
export async function retentionOf(
  client: ClientBase,
  organizations: ReadonlySet<string>,
): Promise<SubjectManifestRule[]> {
  const { rows } = await client.query<SubjectManifestRule>(
    `select r.kind, r.name, r.organization_id, r.event_type, r.data_classification, r.compliance_tag, r.keep_days
     from pgtrail.retention_rule r
     where r.ended_seq is null and (r.organization_id is null or r.organization_id = any ($1))
     order by r.kind desc, r.name`,
    [[...organizations]],
  )
  return rows.map((row) => ({ ...row }))
}

function statementOf(
  counts: SubjectManifest["counts"],
  text: SubjectManifest["text"],
  { archives, missing_keys: keys, ungiven, misnamed, companions }: SubjectManifest["searched"],
): string[] {
  const said = [
    `${plural(counts.events, "event")} of one person: ${counts.as_actor} in which he acted, ${counts.as_subject} that are about him` +
      `${counts.mentioned === "0" ? "" : `, ${counts.mentioned} that only mention him`}.`,
    `In ${plural(counts.masked, "event")} what belongs to others is masked.`,
  ]
  if (counts.review_events !== "0") {
    const what = `${plural(counts.review_events, "event")} with text that may name others (listed in ${reviewName}, for a human)`
    said.push(text === "withheld" ? `The text of ${what} is withheld.` : `The text of ${what} is included.`)
  }
  const left = archives.filter(({ included }) => !included)
  if (left.length > 0) {
    said.push(
      `${plural(left.length, "archive")} may have more events, and could not be included: see searched.archives.`,
    )
  }
  if (keys.length > 0) {
    said.push("Events under pseudonyms of other privacy keys were not searched: see searched.missing_keys.")
  }
  if (ungiven.length > 0 || misnamed.length > 0) {
    said.push(
      "More may stand under other identifiers of the person: see searched.ungiven and searched.misnamed.",
    )
  }
  if (companions.length > 0) {
    said.push("Tables beside the log may have more of the person: see searched.companions.")
  }
  return said
}
