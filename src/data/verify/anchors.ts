// What anchors know of the log: heads remembered by the last whole verification, signed checkpoints, and an auditor's own state.
import { microseconds } from "../binary.js"
import type { Anchor } from "../checkpoint/anchor.js"
import { TrailError } from "../errors.js"
import type { SeenAct } from "./acts.js"
import type { Findings } from "./finding.js"
import type { Identity } from "./identity.js"
import { chainKey } from "./row.js"
import type { Head, Watched } from "./walk.js"

export interface Anchored {
  /** By chain key. */
  readonly watched: ReadonlyMap<string, readonly Watched[]>
  /** Events of the newest anchor that are gone, and whose loss an incarnation has recorded. */
  readonly lost: bigint
  /** Where an incremental verification starts: the newest of the checkpoints and the state, else the last whole verification. */
  readonly start: { readonly anchor: Anchor; readonly heads: ReadonlyMap<string, Watched> } | undefined
}

/**
 * Compares what each anchor knows of the acts, and gathers what it knows of the chains, without what an incarnation has recorded as
 * lost. Throws `other-log` where an anchor is of another log: nothing could be compared.
 */
export function judgeAnchors(
  anchors: readonly Anchor[],
  identity: Identity,
  acts: ReadonlyMap<string, SeenAct>,
  organization: string | undefined,
  findings: Findings,
): Anchored {
  const watched = new Map<string, Watched[]>()
  const lost = new Map<string, bigint>()
  let start: { anchor: Anchor; heads: Map<string, Watched> } | undefined
  for (const anchor of anchors) {
    refuseForeign(anchor, identity)
    const time = microseconds(anchor.time)
    const rolledBack = judgeAct(anchor, time, identity, acts, findings)
    const losses = lossesSince(anchor, identity)
    const heads = new Map<string, Watched>()
    for (const head of anchor.heads) {
      if (organization !== undefined && head.organization_id !== organization) continue
      const key = chainKey(head.organization_id, head.lane)
      const known: Watched = { ...toHead(head), by: anchor.name, time, rolledBack }
      const loss = losses.get(key)
      if (loss !== undefined && known.seq > loss.kept) {
        const gone = BigInt(Math.min(known.seq, loss.lost) - loss.kept)
        if (gone > (lost.get(key) ?? 0n)) lost.set(key, gone)
        if (known.seq <= loss.lost) continue
      }
      heads.set(key, known)
      watched.set(key, [...(watched.get(key) ?? []), known])
    }
    if (start === undefined || isBetterStart(anchor, start.anchor)) start = { anchor, heads }
  }
  return { watched, lost: [...lost.values()].reduce((sum, count) => sum + count, 0n), start }
}

function isBetterStart(anchor: Anchor, than: Anchor): boolean {
  const isOutside = (one: Anchor) => one.source !== "verification"
  if (isOutside(anchor) !== isOutside(than)) return isOutside(anchor)
  return microseconds(anchor.time) > microseconds(than.time)
}

function refuseForeign(anchor: Anchor, identity: Identity): void {
  if (identity.incarnations.some((one) => one.logId === anchor.logId)) return
  throw new TrailError(
    "other-log",
    `${anchor.name} is of log ${anchor.logId}, and this database has log ${identity.logId}: nothing was compared`,
    { hint: "connect to the database of that log; if this is the one, its log has been replaced" },
  )
}

/** Whether the acts say that the log was set back to before the anchor. */
function judgeAct(
  anchor: Anchor,
  time: bigint,
  identity: Identity,
  acts: ReadonlyMap<string, SeenAct>,
  findings: Findings,
): boolean {
  // The acts have told of it themselves.
  if (anchor.act === null || anchor.source === "verification") return false
  const { seq, hash } = anchor.act
  const live = acts.get(seq)
  if (live?.hash === hash) return false
  if (live !== undefined && live.recordedAt <= time) {
    const message = `act ${seq} is not the one that ${anchor.name} knew: the acts were rewritten`
    findings.add({ kind: "act_altered", seq, message, evidence: `act ${seq} ${live.hash}` })
    return false
  }
  const isRecorded = identity.incarnations.some(
    (one) =>
      BigInt(one.number) > BigInt(anchor.incarnation) && BigInt(one.checkpointAct ?? "0") >= BigInt(seq),
  )
  if (!isRecorded) {
    findings.add({
      kind: "rolled_back",
      seq,
      evidence: `act ${seq} ${hash}`,
      message:
        `act ${seq}, which ${anchor.name} knew, is gone${live === undefined ? "" : ", and another was recorded in its place"}: the log ` +
        "was set back by a restore, a recovery or a failover; pgtrail incarnation open records what is lost",
    })
  }
  return true
}

/** Losses recorded by the incarnations since an anchor, by chain key. */
function lossesSince(anchor: Anchor, identity: Identity): Map<string, { kept: number; lost: number }> {
  const losses = new Map<string, { kept: number; lost: number }>()
  for (const loss of identity.losses) {
    if (BigInt(loss.incarnation) <= BigInt(anchor.incarnation)) continue
    const key = chainKey(loss.organization_id, loss.lane)
    const before = losses.get(key)
    losses.set(key, {
      kept: Math.min(before?.kept ?? Number.MAX_SAFE_INTEGER, Number.parseInt(loss.kept_seq, 10)),
      lost: Math.max(before?.lost ?? 0, Number.parseInt(loss.lost_seq, 10)),
    })
  }
  return losses
}

function toHead(head: { readonly seq: string; readonly hash: string }): Head {
  const hash = Buffer.from(head.hash.replace(/^\\x/, ""), "hex").toString("latin1")
  return { seq: Number.parseInt(head.seq, 10), hash }
}
