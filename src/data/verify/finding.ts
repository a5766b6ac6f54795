// What verify reports, and the verdict that follows from it.
import { createHash } from "node:crypto"

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
  | "rolled_back"
  | "out_of_bounds"
  | "unauthorized_purge"
  | "unauthorized_redaction"
  | "archive_altered"
  | "act_altered"
  | "unsigned_act"
  | "control_altered"
  | "guard_missing"
  | "catalog_changed"
  | "unknown_version"

/** intact 0 · tampered 1 · rolled_back 1 · unchecked 3 · incomplete 4. Only tampered and rolled_back share a code: both are findings. */
export type Verdict = "intact" | "tampered" | "rolled_back" | "unchecked" | "incomplete"

export interface Finding {
  /** 16 hex digits over place and evidence: the same finding has the same id in every run, another state of the same event another. */
  readonly id: string
  readonly kind: FindingKind
  readonly organization_id: string | null
  readonly lane: string | null
  readonly seq: string | null
  readonly event_id: string | null
  /** identity, content, head or object: what of the event, or beside it, differs. */
  readonly group: string | null
  readonly message: string
}

/** What is told of a finding when it is made; what is left out is null. */
export interface NewFinding extends Partial<Omit<Finding, "id">> {
  readonly kind: FindingKind
  readonly message: string
  /**
   * What was found, so exactly that anything else found at the same place has other evidence: hashes, definitions, values. Who accepts
   * a finding accepts just this.
   */
  readonly evidence: string
}

/** The act that took a finding as known. */
export interface Acceptance {
  /** seq of the act. */
  readonly act: string
  readonly reason: string
}

export interface AcceptedFinding extends Finding {
  readonly accepted: Acceptance
}

/** Keeps the first findings whole and counts all: a log of which a million rows were altered must not exhaust the memory. */
export class Findings {
  readonly #most: number
  #accepted: ReadonlyMap<string, Acceptance> = new Map()
  list: Finding[] = []
  /** Of all findings that are not accepted, also of those that the list has no room for. */
  readonly kinds = new Set<FindingKind>()
  readonly accepted: AcceptedFinding[] = []
  total = 0
  acceptedTotal = 0

  constructor(most = 10_000) {
    this.#most = most
  }

  /** Of all, accepted or not. */
  get count(): number {
    return this.total + this.acceptedTotal
  }

  add(finding: NewFinding): void {
    const {
      kind,
      organization_id = null,
      lane = null,
      seq = null,
      event_id = null,
      group = null,
      message,
    } = finding
    const id = findingId([organization_id, lane, seq, finding.evidence])
    this.#sort({ id, kind, organization_id, lane, seq, event_id, group, message })
  }

  /** From now on, and for what was found already: findings with these ids are counted apart. */
  accept(accepted: ReadonlyMap<string, Acceptance>): void {
    this.#accepted = accepted
    const before = this.list
    this.total -= before.length
    this.list = []
    this.kinds.clear()
    for (const finding of before) this.#sort(finding)
  }

  #sort(finding: Finding): void {
    const accepted = this.#accepted.get(finding.id)
    if (accepted !== undefined) {
      this.acceptedTotal += 1
      if (this.accepted.length < this.#most) this.accepted.push({ ...finding, accepted })
      return
    }
    this.total += 1
    this.kinds.add(finding.kind)
    if (this.list.length < this.#most) this.list.push(finding)
  }
}

function findingId(parts: readonly (string | null)[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16)
}

/** Several at once in the order tampered, rolled_back, incomplete. */
export function verdictOf(kinds: ReadonlySet<FindingKind>, complete: boolean): Verdict {
  const lesser: readonly FindingKind[] = ["rolled_back", "unknown_version"]
  if ([...kinds].some((kind) => !lesser.includes(kind))) return "tampered"
  if (kinds.has("rolled_back")) return "rolled_back"
  return kinds.has("unknown_version") || !complete ? "incomplete" : "intact"
}
