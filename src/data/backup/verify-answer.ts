// Puts the report of a verification of a backup together.
import type { Store } from "../store/store.js"
import { isWhole } from "./manifest.js"
import type { ReadBackup } from "./open.js"
import type { VerifyLevel } from "./results.js"
import type { CheckedChains } from "./verify-chains.js"
import type { LogJudgement } from "./verify-log.js"
import type { BackupFindings, BackupVerification, Parts } from "./verify-report.js"

/** What was learnt of the contents. */
export interface Judged {
  readonly chains?: CheckedChains | undefined
  readonly log?: LogJudgement | undefined
  readonly notCovered: readonly string[]
  readonly isWhole: boolean
}

export function reportOf({
  store,
  name,
  level,
  verdict,
  read,
  bytes,
  judged,
  parts,
  findings,
}: {
  readonly store: Store
  readonly name: string
  readonly level: VerifyLevel
  readonly verdict: BackupVerification["verdict"]
  readonly read: ReadBackup | undefined
  readonly bytes: bigint
  readonly judged: Judged
  readonly parts: Parts
  readonly findings: BackupFindings
}): BackupVerification {
  const covered = judged.chains?.covered
  const scope =
    read !== undefined && !isWhole(read.manifest) ? ["the rest of the log: the backup has a part of it"] : []
  return {
    schema: "pgtrail.backup_verification/1",
    name,
    location: store.location,
    level,
    verdict,
    manifest_sha256: read?.sha256 ?? null,
    log_id: read?.manifest.log_id ?? null,
    started_at: read?.manifest.started_at ?? null,
    partition: read?.manifest.partition ?? null,
    organization: read?.manifest.organization ?? null,
    files: String((read?.manifest.tables.length ?? 0) + (read?.manifest.lists.length ?? 0)),
    bytes: String(bytes),
    covered:
      covered === undefined
        ? null
        : {
            chains: String(covered.chains),
            events: String(covered.events),
            purged: String(covered.purged - covered.archived),
            redacted: String(covered.redacted.events),
            archived: String(covered.archived),
            lost: String(judged.log?.lost ?? 0n),
          },
    compared: (judged.log?.compared ?? []).map(({ name, time }) => ({ name, time })),
    findings: findings.list,
    findings_total: String(findings.total),
    accepted: findings.accepted,
    accepted_total: String(findings.log.acceptedTotal),
    unchecked_signatures: String(judged.log?.uncheckedSignatures ?? 0),
    not_covered: [...scope, ...judged.notCovered],
    unread: parts.failures.map(({ part, why }) => `${part}: ${why}`),
    not_kept: null,
  }
}
