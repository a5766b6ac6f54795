// What a check of an export reports: the findings, and what they mean together.
import type { Manifest } from "./manifest.js"

export type ExportFindingKind =
  | "manifest"
  | "signature"
  | "file"
  | "altered"
  | "missing"
  | "inserted"
  | "duplicated"
  | "reordered"
  | "unlinked"
  | "unknown_version"

export interface ExportFinding {
  readonly kind: ExportFindingKind
  /** Name in the folder. */
  readonly file: string | null
  readonly line: string | null
  readonly organization_id: string | null
  readonly lane: string | null
  readonly seq: string | null
  readonly message: string
}

export interface ExportReport {
  readonly schema: "pgtrail.export_verification/1"
  readonly verdict: "intact" | "tampered" | "incomplete"
  readonly kind: Manifest["kind"]
  readonly checks: Manifest["checks"]
  /** Events whose hash was computed anew, and those of them with values that a redaction or an exclusion took away. */
  readonly events: string
  readonly without_values: string
  /** Those in which a redaction left other values: for them the log alone can vouch. */
  readonly redacted: string
  readonly files: string
  /** Who vouches for the manifest: name and id of the key. */
  readonly signed_by: string | null
  readonly signature: "good" | "bad" | "unchecked" | "none"
  /** Lanes in which an event is the head of the checkpoint that was given, and has its hash. */
  readonly checkpoint: { readonly name: string; readonly time: string; readonly lanes: string } | null
  readonly findings: readonly ExportFinding[]
  /** All, of which the list has the first 1,000. */
  readonly findings_total: string
  /** sha256 of the manifest; hex. The act of the export has it as its digest. */
  readonly manifest_sha256: string
  readonly manifest: Manifest
}

type Place = { readonly organization: string; readonly lane: string; readonly seq?: string | number }

const most = 1_000

export class ExportFindings {
  readonly list: ExportFinding[] = []
  total = 0
  /** Whether anything was found but events of a version that this pgtrail does not know. */
  isTampered = false

  add(
    kind: ExportFindingKind,
    message: string,
    at: { file?: string | undefined; line?: number | undefined; place?: Place | undefined } = {},
  ): void {
    this.total += 1
    if (kind !== "unknown_version") this.isTampered = true
    if (this.list.length >= most) return
    const { file, line, place } = at
    this.list.push({
      kind,
      file: file ?? null,
      line: line === undefined ? null : String(line),
      organization_id: place?.organization ?? null,
      lane: place?.lane ?? null,
      seq: place?.seq === undefined ? null : String(place.seq),
      message,
    })
  }

  get verdict(): ExportReport["verdict"] {
    return this.isTampered ? "tampered" : this.total > 0 ? "incomplete" : "intact"
  }
}
