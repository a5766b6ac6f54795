// What a verification reports, and how it is put together.
import { headsDigest } from "../canonical.js"
import type { Anchor } from "../checkpoint/anchor.js"
import { writeTime } from "../query/columns.js"
import type { ActsResult, VerifiedHead } from "./acts.js"
import type { ArchivesReport } from "./check-archives.js"
import type { Covered } from "./check-chains.js"
import { type AcceptedFinding, type Finding, type Findings, type Verdict, verdictOf } from "./finding.js"
import type { ChainHead } from "./heads.js"
import type { Identity } from "./identity.js"
import type { Parts } from "./parts.js"
import type { VerifyOptions } from "./verify.js"

export interface VerifyReport {
  readonly schema: "pgtrail.verify/1"
  readonly verdict: Verdict
  readonly requested: {
    readonly organization: string | null
    readonly since: string | null
    readonly until: string | null
    /** ORG/LANE/SEQ where an earlier run stopped. */
    readonly from: string | null
    readonly incremental: boolean
  }
  /** Counts, as strings of digits. */
  readonly covered: {
    readonly chains: string
    readonly events: string
    /** Events that are gone with a record. */
    readonly purged: string
    /** Events with values that were replaced, and how many of them in each group; that they fit their entries was looked at. */
    readonly redacted: string
    readonly redacted_identity: string
    readonly redacted_content: string
    /** Events that an act put into an archive, which stands elsewhere. */
    readonly archived: string
    /** Events that an anchor knew, and whose loss an incarnation has recorded. */
    readonly lost: string
  }
  /** An incremental verification vouches for what came since this alone. */
  readonly since: { readonly name: string; readonly time: string } | null
  /** The anchors whose heads were compared. */
  readonly compared: readonly { readonly name: string; readonly time: string }[]
  readonly findings: readonly Finding[]
  /** All findings, of which the list has the first 10,000. */
  readonly findings_total: string
  /** Findings that an act has accepted; they count no longer. */
  readonly accepted: readonly AcceptedFinding[]
  readonly accepted_total: string
  readonly archives: ArchivesReport
  /** Signatures of acts that had to be signed, which nobody could check because no public key was given. */
  readonly unchecked_signatures: string
  /** What could not be read, beside the tampering that was found. */
  readonly unread: readonly string[]
  /** ORG/LANE/SEQ where to go on, when the time was over. */
  readonly next: string | null
  /** seq of the act that records this verification; null where it was not recorded. */
  readonly act: string | null
  /** Why it was not recorded, where it should have been. */
  readonly not_recorded: string | null
  /** A migration that is not applied yet, as `0003_access`: what is installed was verified all the same. */
  readonly pending_migration: string | null
}

export type UnrecordedReport = Omit<VerifyReport, "act" | "not_recorded" | "pending_migration">

export function buildReport(
  options: VerifyOptions,
  covered: Covered,
  lost: bigint,
  since: Anchor | undefined,
  compared: readonly Anchor[],
  findings: Findings,
  failures: Parts["failures"],
  uncheckedSignatures: number,
  archives: ArchivesReport,
): UnrecordedReport {
  const { from } = options
  const named = ({ name, time }: Anchor) => ({ name, time })
  const isWhole =
    covered.next === undefined &&
    archives.missing.length === 0 &&
    (covered.events + covered.purged > 0 || (since !== undefined && covered.chains > 0))
  return {
    schema: "pgtrail.verify/1",
    verdict: verdictOf(findings.kinds, isWhole),
    requested: {
      organization: options.organization ?? null,
      since: options.since ?? null,
      until: options.until ?? null,
      from: from === undefined ? null : `${from.organization}/${from.lane}/${from.seq}`,
      incremental: options.incremental ?? false,
    },
    covered: {
      chains: String(covered.chains),
      events: String(covered.events),
      purged: String(covered.purged - covered.archived),
      redacted: String(covered.redacted.events),
      redacted_identity: String(covered.redacted.identity),
      redacted_content: String(covered.redacted.content),
      archived: String(covered.archived),
      lost: String(lost),
    },
    since: since === undefined ? null : named(since),
    compared: compared.map(named),
    findings: findings.list,
    findings_total: String(findings.total),
    accepted: findings.accepted,
    accepted_total: String(findings.acceptedTotal),
    archives,
    unchecked_signatures: String(uncheckedSignatures),
    unread: failures.map(({ part, error }) => `${part}: ${error.message}`),
    next: covered.next ?? null,
  }
}

/** What the log is now, as the auditor's next state. */
export function present(identity: Identity, act: ActsResult["head"], heads: Iterable<ChainHead>): Anchor {
  const list: VerifiedHead[] = [...heads].map((head) => ({
    organization_id: head.organization_id,
    lane: head.lane,
    seq: String(head.seq),
    hash: `\\x${Buffer.from(head.hash, "latin1").toString("hex")}`,
  }))
  return {
    source: "state",
    name: "the state",
    logId: identity.logId,
    incarnation: identity.incarnations.at(-1)?.number ?? "1",
    events: String(list.reduce((sum, head) => sum + BigInt(head.seq), 0n)),
    lanes: String(list.length),
    digest: headsDigest(list),
    act,
    time: writeTime(identity.now),
    heads: list,
  }
}
