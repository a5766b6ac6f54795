// Checks the chain of acts: verify takes authority from acts alone, so they come first.
import { readParameters } from "../act/about.js"
import { microseconds } from "../binary.js"
import { actGenesis, hashVersion, headsDigest, recomputeAct, type TextRow } from "../canonical.js"
import type { Anchor } from "../checkpoint/anchor.js"
import { writeTime } from "../query/columns.js"
import { sha256Hex } from "../sql-files.js"
import type { Replay } from "./controls.js"
import type { Findings } from "./finding.js"
import type { Identity } from "./identity.js"
import type { LogTables } from "./log-tables.js"

export interface VerifiedHead {
  readonly organization_id: string
  readonly lane: string
  readonly seq: string
  /** `\x` hex. */
  readonly hash: string
}

/** What stands at a place of the act chain. */
export interface SeenAct {
  /** Hex. */
  readonly hash: string
  /** Microseconds since 2000. */
  readonly recordedAt: bigint
}

export interface ActsResult {
  /** Digest of the catalog that the last migration recorded; hex. */
  readonly catalogDigest: string | undefined
  /** What the last whole and intact verification remembered; undefined where it cannot be trusted or there was none. */
  readonly remembered: Anchor | undefined
  /** The acts whose seq was asked for. */
  readonly seen: ReadonlyMap<string, SeenAct>
  /** The newest. */
  readonly head: Anchor["act"]
}

interface Remembering {
  readonly seq: string
  readonly hash: string
  readonly recordedAt: string
  readonly digest: string
}

const hex = (bytea: string | null | undefined): string | undefined => bytea?.replace(/^\\x/, "")

/**
 * `wanted`: seq of acts that anchors know. Every act goes to `replay`, in order. `isWhole`: whether the tables have the rows of all
 * organizations; without them nothing is known of what a verification remembered.
 */
export async function checkActs(
  tables: LogTables,
  identity: Identity | undefined,
  replay: Pick<Replay, "add">,
  wanted: ReadonlySet<string>,
  findings: Findings,
  isWhole = true,
): Promise<ActsResult> {
  let previous = identity === undefined ? "" : actGenesis(identity.actLogId).toString("hex")
  let expected = 1n
  let catalogDigest: string | undefined
  let remembering: Remembering | undefined
  const seen = new Map<string, SeenAct>()
  let head: ActsResult["head"] = null
  for await (const row of tables.acts()) {
    const seq = BigInt(row.seq ?? "0")
    const computed = row.hash_version === hashVersion ? recomputeAct(row) : ""
    const evidence = `${row.previous_hash} ${row.hash} ${computed}`
    const complain = (message: string) =>
      findings.add({ kind: "act_altered", seq: String(seq), message, evidence: `${message} ${evidence}` })
    if (row.organization_id !== "pgtrail") {
      complain(`act ${seq} does not belong to pgtrail: its organization_id was changed`)
      continue
    }
    if (seq < expected) {
      complain(`act ${seq} stands twice`)
    } else if (seq > expected) {
      complain(
        seq === expected + 1n ? `act ${expected} is missing` : `acts ${expected} to ${seq - 1n} are missing`,
      )
    } else if (hex(row.previous_hash) !== previous) {
      complain(`act ${seq} does not follow the act before it: one of the two was rewritten`)
    }
    if (row.hash_version !== hashVersion) {
      findings.add({
        kind: "unknown_version",
        seq: String(seq),
        message: `act ${seq} has hash version ${row.hash_version}`,
        evidence: `version ${row.hash_version} ${evidence}`,
      })
    } else if (computed !== hex(row.hash)) {
      complain(`act ${seq} (${row.kind}) was altered: its hash does not fit it`)
    }
    if (row.kind === "migrate") catalogDigest = hex(row.digest)
    previous = hex(row.hash) ?? ""
    expected = seq + 1n
    head = { seq: String(seq), hash: previous }
    const recordedAt = row.recorded_at ?? ""
    if (wanted.has(head.seq)) seen.set(head.seq, { hash: previous, recordedAt: microseconds(recordedAt) })
    if (row.digest != null && remembers(row)) {
      remembering = { ...head, recordedAt, digest: hex(row.digest) ?? "" }
    }
    replay.add(row)
  }
  if (head === null)
    findings.add({
      kind: "act_altered",
      message: "the act chain is empty: even the act of the installation is missing",
      evidence: "no act",
    })
  const anchor = isWhole ? await remembered(tables, identity, remembering, findings) : undefined
  return { catalogDigest, remembered: anchor, seen, head }
}

/** Acts of version 0.1 say nothing of it: there only those that remembered have a digest. */
function remembers(act: TextRow): boolean {
  if (act.kind !== "verify") return false
  return readParameters(act.parameters).remembered !== false
}

async function remembered(
  tables: LogTables,
  identity: Identity | undefined,
  act: Remembering | undefined,
  findings: Findings,
): Promise<Anchor | undefined> {
  const rows = await tables.all<VerifiedHead>("verified_head", ["organization_id", "lane", "seq", "hash"])
  if (act === undefined && rows.length === 0) return undefined
  const digest = headsDigest(rows)
  if (digest !== act?.digest) {
    findings.add({
      kind: "act_altered",
      group: "head",
      evidence: `verified heads ${digest} ${act?.digest}`,
      message:
        "pgtrail.verified_head is not what the last whole verification recorded: its digest differs from the act's",
    })
    return undefined
  }
  return {
    source: "verification",
    name: `verification ${act.seq} of ${writeTime(act.recordedAt)}`,
    logId: identity?.logId ?? "",
    incarnation: identity?.incarnations.at(-1)?.number ?? "1",
    events: String(rows.reduce((sum, row) => sum + BigInt(row.seq), 0n)),
    lanes: String(rows.length),
    digest: act.digest,
    act: { seq: act.seq, hash: act.hash },
    time: writeTime(act.recordedAt),
    heads: rows,
  }
}

/** Digest of a stored catalog description, as its migration's act has it; hex. */
export function catalogDigest(rows: readonly { object: string; definition: string }[]): string {
  return sha256Hex(rows.map((row) => `${row.object}\n${row.definition}\n`).join(""))
}
