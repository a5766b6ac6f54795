// What anchors know of the log: heads remembered by the last whole verification, signed checkpoints, and an auditor's own state.
import { microseconds } from "../binary.js"
import type { Anchor } from "../checkpoint/anchor.js"
import { TrailError } from "../errors.js"
import type { SeenAct } from "./acts.js"
import type { Findings } from "./finding.js"
import type { Identity, Incarnation } from "./identity.js"
import { chainKey } from "./row.js"
import type { Head, Watched } from "./walk-range.js"

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
    if (isForeign(anchor, identity, findings)) continue
    const time = microseconds(anchor.time)
    const rolledBack = judgeAct(anchor, time, identity, acts, findings)
    const losses = rolledBack ? lossesOf(anchor, identity) : new Map<string, never>()
    const heads = new Map<string, Watched>()
    for (const head of anchor.heads) {
      if (organization !== undefined && head.organization_id !== organization) continue
      const key = chainKey(head.organization_id, head.lane)
      const known: Watched = { ...toHead(head), by: anchor.name, time, rolledBack }
      const loss = losses.get(key)?.find(({ kept, lost: end }) => kept < known.seq && known.seq <= end)
      if (loss !== undefined) {
        const gone = BigInt(known.seq - loss.kept)
        if (gone > (lost.get(key) ?? 0n)) lost.set(key, gone)
        continue
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

/** Where nothing else is wrong it is somebody's mistake; where something is, the identity of the log may be what was changed. */
function isForeign(anchor: Anchor, identity: Identity, findings: Findings): boolean {
  if (anchor.source === "verification") return false
  if (identity.logIds.includes(anchor.logId)) return false
  const message = `${anchor.name} is of log ${anchor.logId}, and this database has log ${identity.logId}: nothing was compared`
  if (findings.total === 0) {
    throw new TrailError("other-log", message, {
      hint: "connect to the database of that log; if this is the one, its log has been replaced",
    })
  }
  findings.add({ kind: "act_altered", group: "object", message, evidence: message })
  return true
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
  if (recording(anchor, identity).length === 0) {
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

/**
 * Incarnations that were opened from a checkpoint of the anchor's own incarnation that is not older than it: they tell what of it was
 * lost. None: nobody has recorded it, and what later incarnations lost, they lost on another branch.
 */
function recording(anchor: Anchor, identity: Identity): Incarnation[] {
  return identity.incarnations.filter(
    ({ number, checkpoint }) =>
      checkpoint?.incarnation === anchor.incarnation &&
      BigInt(number) > BigInt(anchor.incarnation) &&
      BigInt(checkpoint.act) >= BigInt(anchor.act?.seq ?? "0"),
  )
}

/** Losses that count for an anchor, by chain key: those of its own branch, and of what came after. */
function lossesOf(anchor: Anchor, identity: Identity): Map<string, { kept: number; lost: number }[]> {
  const losses = new Map<string, { kept: number; lost: number }[]>()
  const own = recording(anchor, identity)
  if (own.length === 0) return losses
  const later = identity.incarnations.filter(
    ({ checkpoint }) => BigInt(checkpoint?.incarnation ?? "0") > BigInt(anchor.incarnation),
  )
  const counting = new Set([...own, ...later].map((one) => one.number))
  for (const loss of identity.losses) {
    if (!counting.has(loss.incarnation)) continue
    const key = chainKey(loss.organization_id, loss.lane)
    const kept = Number.parseInt(loss.kept_seq, 10)
    const lost = Number.parseInt(loss.lost_seq, 10)
    losses.set(key, [...(losses.get(key) ?? []), { kept, lost }])
  }
  return losses
}

function toHead(head: { readonly seq: string; readonly hash: string }): Head {
  const hash = Buffer.from(head.hash.replace(/^\\x/, ""), "hex").toString("latin1")
  return { seq: Number.parseInt(head.seq, 10), hash }
}
