// Judges where a chain ends: at its head, and past every place that an anchor knows.
import type { PurgedRange } from "../purge/ranges.js"
import { grouped } from "../words.js"
import type { NewFinding } from "./finding.js"
import { evidenceOf, type Seen } from "./seen.js"
import type { Head, Report, WalkRange, Watched } from "./walk-range.js"

export interface Tail extends WalkRange {
  readonly head: Head
  /** Events that were read. */
  readonly events: number
  /** The last place that an event belongs to, or that was purged: that event, or that purge. */
  readonly end: number
  readonly last: Seen | undefined
  readonly purge: PurgedRange | undefined
  /** Its hash fits it. */
  readonly isLastSound: boolean
  /** The events at the places that anchors know. */
  readonly rows: ReadonlyMap<number, Seen>
  /** The purges that end at such places. */
  readonly purges: ReadonlyMap<number, PurgedRange>
}

export function judgeTail(tail: Tail, report: Report): void {
  const { head, events, end, last, purge, lane, start } = tail
  const before = tail.first - 1
  if (start !== undefined && (head.seq < start.seq || (head.seq === start.seq && head.hash !== start.hash))) {
    judgeStart(start, head, lane, report)
    return
  }
  const newest = tail.watched
    .filter((watched) => !watched.rolledBack)
    .reduce((a: Head, b) => (b.seq > a.seq ? b : a), head)
  if (events === 0 && end === 0 && newest.seq > 0) {
    report(vanished(lane, newest))
  } else if (end < newest.seq) {
    report({
      kind: "truncated",
      seq: String(end + 1),
      evidence: gap(end + 1, newest.seq, (last ?? purge)?.hash, newest.hash),
      message: `the tail is cut off: ${span(end + 1, newest.seq, "missing")}`,
    })
  } else if (
    events === 0 &&
    purge === undefined &&
    start === undefined &&
    before > 0 &&
    newest.seq < before
  ) {
    // An earlier run stopped at the place after `before`, so that there was one.
    report({
      kind: "truncated",
      seq: String(newest.seq + 1),
      evidence: `stopped ${tail.first} head ${newest.seq} ${hex(newest.hash)}`,
      message: `no event stands at ${tail.first}, where an earlier run stopped, and the head of the chain is at ${newest.seq}`,
    })
  }
  if (last !== undefined && end > head.seq) {
    const range = end === head.seq + 1 ? `event ${end} stands` : `events ${head.seq + 1} to ${end} stand`
    report({
      kind: "inserted",
      seq: String(head.seq + 1),
      event_id: end === head.seq + 1 ? last.event_id : null,
      group: "head",
      message: `${range} after the head of the chain, which is at ${head.seq}`,
      evidence: `after head ${head.seq} ${hex(head.hash)} ${end} ${hex(last.hash)}`,
    })
  }
  if (purge !== undefined) judgePurgedHead(purge, head, report)
  if (last !== undefined && end === head.seq && tail.isLastSound && last.hash !== head.hash) {
    report({
      kind: "altered",
      seq: String(end),
      event_id: last.event_id,
      group: "head",
      evidence: `head ${evidenceOf(last)}`,
      message: `event ${end} was rewritten: its hash fits it, but the head of the chain has another`,
    })
  }
  judgeWatched(tail, end, report)
}

function judgePurgedHead(purge: PurgedRange, head: Head, report: Report): void {
  if (purge.last === head.seq && purge.hash !== head.hash) {
    report({
      kind: "unauthorized_purge",
      seq: String(purge.last),
      group: "head",
      evidence: `head ${purgeEvidence(purge)}`,
      message: `${purgeName(purge)} ends with another hash than the head of the chain has: one of the two was rewritten`,
    })
  } else if (purge.last > head.seq) {
    report({
      kind: "unauthorized_purge",
      seq: String(head.seq + 1),
      group: "head",
      evidence: `after head ${head.seq} ${hex(head.hash)} ${purge.last} ${hex(purge.hash)}`,
      message: `${purgeName(purge)} goes beyond the head of the chain, which is at ${head.seq}`,
    })
  }
}

/** The head stands before the place that everything should start from, or is another there. */
function judgeStart(start: Watched, head: Head, lane: string, report: Report): void {
  const known = `event ${start.seq}, which ${start.by} knew`
  const evidence = `start ${start.seq} ${hex(start.hash)} head ${head.seq} ${hex(head.hash)}`
  if (head.seq === start.seq) {
    const kind = start.rolledBack ? "rolled_back" : "altered"
    const message = `the head of the chain is not ${known}: the chain was rewritten`
    report({ kind, seq: String(start.seq), group: "head", message, evidence })
  } else if (start.rolledBack || head.seq > 0) {
    const kind = start.rolledBack ? "rolled_back" : "truncated"
    const is = head.seq === 0 ? "missing" : `at ${head.seq}`
    const message = `the head of the chain is ${is}, before ${known}`
    report({ kind, seq: String(head.seq + 1), group: "head", message, evidence })
  } else {
    report(vanished(lane, start))
  }
}

const vanished = (lane: string, { seq, hash }: Head): NewFinding => ({
  kind: "vanished",
  evidence: `vanished ${seq} ${hex(hash)}`,
  message: `lane ${lane} has vanished with ${seq === 1 ? "its only event" : `${grouped(seq)} events`}`,
})

/** What makes a gap the same: where it is, and the hashes that it stands between. */
export const gap = (first: number, last: number, before: string | undefined, after: string): string =>
  `gap ${first} ${last} ${hex(before ?? "")} ${hex(after)}`

const purgeEvidence = ({ first, last, before, hash }: PurgedRange): string =>
  `purge ${first} ${last} ${hex(before)} ${hex(hash)}`

export const purgeName = ({ first, last, act }: PurgedRange): string =>
  `the purge of ${first === last ? `event ${first}` : `events ${first} to ${last}`} (act ${act})`

/** A purge that does not follow what is before it, of which no event is left. */
export const unfollowed = (range: PurgedRange, expected: string | undefined): NewFinding => ({
  kind: "unauthorized_purge",
  seq: String(range.first),
  message: `${purgeName(range)} does not follow what is before it: the chain was rewritten`,
  evidence: `${purgeEvidence(range)} after ${hex(expected ?? "")}`,
})

/** "event 7 is missing", "events 7 to 9 are missing (3)". */
export const span = (first: number, last: number, how: "missing" | "gone"): string =>
  first === last
    ? `event ${first} is ${how}`
    : `events ${first} to ${last} are ${how} (${grouped(last - first + 1)})`

const hex = (hash: string): string => Buffer.from(hash, "latin1").toString("hex")

/** One finding a chain is enough: what follows a place that was rewritten, or set back, differs as well. */
function judgeWatched(tail: Tail, end: number, report: Report): void {
  const watched = [...tail.watched].sort((a, b) => a.seq - b.seq)
  const start = tail.start === undefined ? [] : [tail.start]
  for (const known of [...start, ...watched]) {
    const purge = tail.purges.get(known.seq)
    if (purge !== undefined && purge.hash !== known.hash) {
      report({
        kind: known.rolledBack ? "rolled_back" : "unauthorized_purge",
        seq: String(known.seq),
        group: "head",
        evidence: `watched ${purgeEvidence(purge)}`,
        message: `${purgeName(purge)} ends with another event than ${known.by} knew there: the chain was rewritten`,
      })
      return
    }
    const row = tail.rows.get(known.seq)
    if (row === undefined || row.hash === known.hash) continue
    const again = known.rolledBack && row.recordedAt > known.time
    report({
      kind: again ? "rolled_back" : "altered",
      seq: String(known.seq),
      group: "head",
      evidence: `watched ${evidenceOf(row)}`,
      message: again
        ? `event ${known.seq}, which ${known.by} knew, is gone: the log was set back, and another was recorded in its place`
        : `event ${known.seq} is not the one that ${known.by} knew there: the chain was rewritten`,
    })
    return
  }
  const lost = watched.findLast((known: Watched) => known.rolledBack && known.seq > end)
  if (lost === undefined) return
  report({
    kind: "rolled_back",
    seq: String(end + 1),
    evidence: `lost ${end + 1} ${lost.seq} ${hex(lost.hash)}`,
    message: `${span(end + 1, lost.seq, "gone")}: the log was set back to before ${lost.by}`,
  })
}
