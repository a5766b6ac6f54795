// Which log this is: its ids, its incarnations, and what each of them recorded as lost.
import type { Findings } from "./finding.js"
import type { LogTables } from "./log-tables.js"

export interface Incarnation {
  readonly number: string
  readonly logId: string
  readonly reason: string
  readonly openedAt: string
  /** Where the checkpoint was made from which it was opened: incarnation, and seq of the newest act; null of the installation. */
  readonly checkpoint: { readonly incarnation: string; readonly act: string } | null
}

export interface Loss {
  readonly incarnation: string
  readonly organization_id: string
  readonly lane: string
  readonly kept_seq: string
  readonly lost_seq: string
  /** `\x` hex. */
  readonly hash: string
}

export interface Identity {
  /** What pgtrail.log says. */
  readonly presentLogId: string | undefined
  /** Of the newest incarnation. */
  readonly logId: string
  /** Of the first: the acts are chained to it. */
  readonly actLogId: string
  /** All that a lane may be chained to. */
  readonly logIds: readonly string[]
  readonly incarnations: readonly Incarnation[]
  readonly losses: readonly Loss[]
  /** When it was read, by the server's clock. */
  readonly now: string
}

/** Undefined where the log has no identity: then no genesis can be computed, and every chain is found altered. */
export async function readIdentity(tables: LogTables, findings: Findings): Promise<Identity | undefined> {
  const log = await tables.all<{ readonly log_id: string }>("log", ["log_id"])
  if (log.length !== 1) {
    const message = `pgtrail.log has ${log.length} rows instead of one: the identity of the log is lost`
    const evidence = `${message} ${log.map((row) => row.log_id).join(" ")}`
    findings.add({ kind: "act_altered", group: "object", message, evidence })
  }
  const rows = await tables.all<{
    number: string
    log_id: string
    reason: string
    opened_at: string
    checkpoint: string | null
  }>("incarnation", ["number", "log_id", "reason", "opened_at", "checkpoint"])
  const losses = await tables.all<Loss>("loss", [
    "incarnation",
    "organization_id",
    "lane",
    "kept_seq",
    "lost_seq",
    "hash",
  ])
  const now = await tables.now()
  const incarnations = rows.map((row) => ({
    number: row.number,
    logId: row.log_id,
    reason: row.reason,
    openedAt: row.opened_at,
    checkpoint: checkpointOf(row.checkpoint),
  }))
  const logId = incarnations.at(-1)?.logId ?? log[0]?.log_id
  if (logId === undefined) return undefined
  return {
    presentLogId: log[0]?.log_id,
    logId,
    actLogId: incarnations[0]?.logId ?? logId,
    logIds: [...new Set([logId, ...incarnations.map((one) => one.logId)])],
    incarnations,
    losses,
    now,
  }
}

function checkpointOf(text: string | null): Incarnation["checkpoint"] {
  const incarnation = /^pgtrail\/[^/\n]+\/(\d+)$/m.exec(text ?? "")?.[1]
  const act = /^act (\d+) /m.exec(text ?? "")?.[1]
  return incarnation === undefined || act === undefined ? null : { incarnation, act }
}
