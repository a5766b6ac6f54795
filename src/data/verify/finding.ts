// What verify reports, and the verdict that follows from it.

export type FindingKind =
  | "altered"
  | "missing"
  | "inserted"
  | "reordered"
  | "duplicated"
  | "overlapping"
  | "forked"
  | "truncated"
  | "vanished"
  | "out_of_bounds"
  | "unauthorized_purge"
  | "unauthorized_redaction"
  | "act_altered"
  | "guard_missing"
  | "catalog_changed"
  | "unknown_version"

/** intact 0 · tampered 1 · unchecked 3 · incomplete 4: never shared. */
export type Verdict = "intact" | "tampered" | "unchecked" | "incomplete"

export interface Finding {
  readonly kind: FindingKind
  readonly organization_id: string | null
  readonly lane: string | null
  readonly seq: string | null
  readonly event_id: string | null
  /** identity, content, head or object: what of the event, or beside it, differs. */
  readonly group: string | null
  readonly message: string
}

/** Keeps the first findings whole and counts all: a log of which a million rows were altered must not exhaust the memory. */
export class Findings {
  readonly #most: number
  readonly list: Finding[] = []
  total = 0

  constructor(most = 10_000) {
    this.#most = most
  }

  add(finding: Partial<Finding> & Pick<Finding, "kind" | "message">): void {
    this.total += 1
    if (this.list.length >= this.#most) return
    const {
      kind,
      organization_id = null,
      lane = null,
      seq = null,
      event_id = null,
      group = null,
      message,
    } = finding
    this.list.push({ kind, organization_id, lane, seq, event_id, group, message })
  }
}

/** Several at once in the order tampered, incomplete. */
export function verdictOf(findings: readonly Finding[], checked: boolean): Verdict {
  if (findings.some((finding) => finding.kind !== "unknown_version")) return "tampered"
  return findings.length > 0 || !checked ? "incomplete" : "intact"
}

/** 1,234,567. */
export function grouped(count: number | bigint | string): string {
  return String(count).replace(/\B(?=(\d{3})+(?!\d))/g, ",")
}
