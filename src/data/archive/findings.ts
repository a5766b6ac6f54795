// What a check of an archive finds, and what it means together.
import type { ArchiveManifest } from "./manifest.js"

export type ArchiveFindingKind =
  | "manifest"
  | "file"
  | "altered"
  | "duplicated"
  | "unlinked"
  | "records"
  | "unknown_version"
  | "later"
  | "encrypted"
  | "unfinished"

/** What this pgtrail, or whoever asks it, cannot look at. */
const unread: readonly ArchiveFindingKind[] = ["unknown_version", "later", "encrypted", "unfinished"]

export interface ArchiveFinding {
  readonly kind: ArchiveFindingKind
  /** Name in the archive's folder. */
  readonly file: string | null
  readonly line: string | null
  readonly organization_id: string | null
  readonly lane: string | null
  readonly seq: string | null
  readonly message: string
}

/** What was read of a file in the store; encrypted, where it is. */
export interface LyingFile {
  readonly name: string
  readonly bytes: string
  readonly sha256: string
}

export interface ArchiveCheck {
  readonly name: string
  /** `whole`: its files are those of its manifest, by size and sha256; nobody looked at what is in them. */
  readonly verdict: "intact" | "tampered" | "incomplete" | "whole"
  readonly findings: readonly ArchiveFinding[]
  /** All, of which the list has the first 1,000. */
  readonly findings_total: string
  /** Undefined where there is none that can be read. */
  readonly manifest: ArchiveManifest | undefined
  readonly manifestSha256: string | undefined
  /** What its events come to, hex: the digest of the act that purged them. Undefined where they were not read. */
  readonly records: string | undefined
  /** Events whose hash was computed anew. */
  readonly events: number
  /** Those of them with a digest in place of values. */
  readonly redacted: number
  /** Groups of columns of them: the manifest's digest has their hashes, and what the log recorded has their values. */
  readonly redactedGroups: number
  /** As they lie there; without those that are missing. */
  readonly files: readonly LyingFile[]
  /** By chain, as verify/row.ts keys it, and seq: the hash of each event that was asked for and is there. */
  readonly hashes: ReadonlyMap<string, ReadonlyMap<number, string>>
}

interface Place {
  readonly organization: string
  readonly lane: string
  readonly seq?: number | undefined
}

const most = 1_000

export class ArchiveFindings {
  readonly list: ArchiveFinding[] = []
  total = 0
  isTampered = false
  readonly files: LyingFile[] = []

  add(
    kind: ArchiveFindingKind,
    message: string,
    at: { file?: string | undefined; line?: number | undefined; place?: Place | undefined } = {},
  ): void {
    this.total += 1
    if (!unread.includes(kind)) this.isTampered = true
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

  verdict(isRead: boolean): ArchiveCheck["verdict"] {
    if (this.isTampered) return "tampered"
    if (this.total > 0) return "incomplete"
    return isRead ? "intact" : "whole"
  }
}
