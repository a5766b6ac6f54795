// Judges where a chain ends: at its head, and past every place that an anchor knows.
import { grouped } from "../words.js"
import type { NewFinding } from "./finding.js"
import { evidenceOf, type Seen } from "./seen.js"
import type { Head, Report, WalkRange, Watched } from "./walk.js"

export interface Tail extends WalkRange {
  readonly head: Head
  /** Events that were read. */
  readonly events: number
  readonly last: Seen | undefined
  /** Its hash fits it. */
  readonly isLastSound: boolean
  /** The events at the places that anchors know. */
  readonly rows: ReadonlyMap<number, Seen>
}

export function judgeTail(tail: Tail, report: Report): void {
  const { head, events, last, lane, start } = tail
  const before = tail.first - 1
  if (start !== undefined && (head.seq < start.seq || (head.seq === start.seq && head.hash !== start.hash))) {
    judgeStart(start, head, lane, report)
    return
  }
  const firm = tail.watched.filter((watched) => !watched.rolledBack)
  const newest = Math.max(head.seq, ...firm.map((watched) => watched.seq))
  const end = last?.seq ?? before
  if (events === 0 && before === 0 && newest > 0) {
    report(vanished(lane, newest))
  } else if (end < newest) {
    const missing =
      newest === end + 1
        ? `event ${newest} is missing`
        : `events ${end + 1} to ${newest} are missing (${grouped(newest - end)})`
    const message = `the tail is cut off: ${missing}`
    report({ kind: "truncated", seq: String(end + 1), evidence: `gap ${end + 1} ${newest}`, message })
  }
  if (last !== undefined && end > head.seq) {
    const range = end === head.seq + 1 ? `event ${end} stands` : `events ${head.seq + 1} to ${end} stand`
    report({
      kind: "inserted",
      seq: String(head.seq + 1),
      event_id: end === head.seq + 1 ? last.event_id : null,
      group: "head",
      message: `${range} after the head of the chain, which is at ${head.seq}`,
    })
  }
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

/** The head stands before the place that everything should start from, or is another there. */
function judgeStart(start: Watched, head: Head, lane: string, report: Report): void {
  const known = `event ${start.seq}, which ${start.by} knew`
  if (head.seq === start.seq) {
    const kind = start.rolledBack ? "rolled_back" : "altered"
    const message = `the head of the chain is not ${known}: the chain was rewritten`
    report({ kind, seq: String(start.seq), group: "head", message })
  } else if (start.rolledBack || head.seq > 0) {
    const kind = start.rolledBack ? "rolled_back" : "truncated"
    const is = head.seq === 0 ? "missing" : `at ${head.seq}`
    const message = `the head of the chain is ${is}, before ${known}`
    report({ kind, seq: String(head.seq + 1), group: "head", message })
  } else {
    report(vanished(lane, start.seq))
  }
}

const vanished = (lane: string, events: number): NewFinding => ({
  kind: "vanished",
  message: `lane ${lane} has vanished with ${events === 1 ? "its only event" : `${grouped(events)} events`}`,
})

/** One finding a chain is enough: what follows a place that was rewritten, or set back, differs as well. */
function judgeWatched(tail: Tail, end: number, report: Report): void {
  const watched = [...tail.watched].sort((a, b) => a.seq - b.seq)
  for (const known of watched) {
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
    evidence: `lost ${end + 1} ${lost.seq}`,
    message: `events ${end + 1} to ${lost.seq}, which ${lost.by} knew, are gone: the log was set back (${grouped(lost.seq - end)})`,
  })
}
