// The records of a purge that events come to (FORMAT.md 4), whatever order they are read in: the digest of an archive's act is over them.
import { createHash } from "node:crypto"
import { record } from "../canonical.js"
import { chainOf } from "../verify/row.js"
import type { ArchiveLane } from "./manifest.js"
import { type HashedRow, isBefore, timeBytes } from "./row-hash.js"
import { timeText } from "./time-text.js"

/** Events that follow one another by seq and by hash. */
interface Run {
  first: number
  last: number
  previous: string
  hash: string
  /** Line of its first event. */
  line: number
}

type Time = readonly [high: number, low: number]

interface Lane {
  readonly chain: string
  events: number
  current: Run
  /** The others, by their two ends; made with the second. */
  others: { readonly byFirst: Map<number, Run>; readonly byLast: Map<number, Run> } | undefined
  /** Of events at a place that was taken. */
  readonly doubled: Run[]
  oldest: Time
  newest: Time
  oldestRecorded: Time
  newestRecorded: Time
}

/** What cannot be, of events that one purge took out of a log. */
export interface RecordProblem {
  readonly kind: "duplicated" | "unlinked"
  readonly organization: string
  readonly lane: string
  readonly seq: number
  readonly line: number
  readonly message: string
}

export interface FinishedRecords {
  /** Hex. */
  readonly digest: string
  readonly lanes: readonly ArchiveLane[]
  readonly events: number
  /** As PostgreSQL's JSON writes times; undefined without events. */
  readonly oldest: string | undefined
  readonly newest: string | undefined
  readonly problems: readonly RecordProblem[]
}

/** More than anybody reads. */
const mostProblems = 1_000

export class Records {
  events = 0
  readonly #lanes = new Map<string, Lane>()

  add(row: HashedRow, line: number): void {
    this.events += 1
    const { chain, seq, previous, hash } = row
    const lane = this.#lanes.get(chain)
    if (lane === undefined) {
      this.#lanes.set(chain, begin(row, line))
      return
    }
    lane.events += 1
    const { occurredHigh, occurredLow, recordedHigh, recordedLow } = row
    if (isBefore(occurredHigh, occurredLow, lane.oldest)) lane.oldest = [occurredHigh, occurredLow]
    else if (!isBefore(occurredHigh, occurredLow, lane.newest)) lane.newest = [occurredHigh, occurredLow]
    if (isBefore(recordedHigh, recordedLow, lane.oldestRecorded))
      lane.oldestRecorded = [recordedHigh, recordedLow]
    else if (!isBefore(recordedHigh, recordedLow, lane.newestRecorded))
      lane.newestRecorded = [recordedHigh, recordedLow]
    const { current } = lane
    if (seq === current.last + 1 && previous === current.hash) {
      current.last = seq
      current.hash = hash
    } else {
      turn(lane, { first: seq, last: seq, previous, hash, line })
    }
    if (lane.others !== undefined) join(lane, lane.others)
  }

  /** Called once, at the end. */
  finish(): FinishedRecords {
    const digest = createHash("sha256")
    const problems: RecordProblem[] = []
    const lanes: ArchiveLane[] = []
    let [oldest, newest]: (Time | undefined)[] = []
    const all = [...this.#lanes.values()].map((lane) => ({ ...lane, ...chainOf(lane.chain) }))
    all.sort(
      (a, b) =>
        Buffer.compare(Buffer.from(a.organization), Buffer.from(b.organization)) ||
        Number.parseInt(a.lane, 10) - Number.parseInt(b.lane, 10),
    )
    for (const lane of all) {
      const runs = [...(lane.others?.byFirst.values() ?? []), ...lane.doubled, lane.current]
      runs.sort((a, b) => a.first - b.first || a.last - b.last)
      const spans = merged(runs, (kind, run) => {
        if (problems.length < mostProblems) problems.push(problem(kind, lane, run))
      })
      digest.update(
        record("pgtrail purge", [
          ["text", lane.organization],
          ["smallint", lane.lane],
          ["text", `{${spans.map(({ first, last }) => `[${first},${last + 1})`).join(",")}}`],
          ["bytea", Buffer.from(spans.map(({ previous, hash }) => previous + hash).join(""), "hex")],
          ["bigint", String(lane.events)],
          ["timestamptz", timeBytes(...lane.oldest)],
          ["timestamptz", timeBytes(...lane.newest)],
          ["timestamptz", timeBytes(...lane.oldestRecorded)],
          ["timestamptz", timeBytes(...lane.newestRecorded)],
        ]),
      )
      const [first, last] = [spans[0]?.first ?? 0, spans.at(-1)?.last ?? 0]
      lanes.push({
        organization_id: lane.organization,
        lane: lane.lane,
        events: String(lane.events),
        first: String(first),
        last: String(last),
      })
      if (oldest === undefined || isBefore(...lane.oldest, oldest)) oldest = lane.oldest
      if (newest === undefined || isBefore(...newest, lane.newest)) newest = lane.newest
    }
    return {
      digest: digest.digest("hex"),
      lanes,
      events: this.events,
      oldest: oldest && timeText(...oldest),
      newest: newest && timeText(...newest),
      problems,
    }
  }
}

function begin(row: HashedRow, line: number): Lane {
  const { chain, seq, previous, hash, occurredHigh, occurredLow, recordedHigh, recordedLow } = row
  const occurred = [occurredHigh, occurredLow] as const
  const recorded = [recordedHigh, recordedLow] as const
  return {
    chain,
    events: 1,
    current: { first: seq, last: seq, previous, hash, line },
    others: undefined,
    doubled: [],
    oldest: occurred,
    newest: occurred,
    oldestRecorded: recorded,
    newestRecorded: recorded,
  }
}

/** Puts the current run aside, and goes on with the one that the new event extends, or with a new one. */
function turn(lane: Lane, run: Run): void {
  lane.others ??= { byFirst: new Map(), byLast: new Map() }
  const { byFirst, byLast } = lane.others
  const { current } = lane
  if (byFirst.has(current.first) || byLast.has(current.last)) lane.doubled.push(current)
  else {
    byFirst.set(current.first, current)
    byLast.set(current.last, current)
  }
  const before = byLast.get(run.first - 1)
  if (before === undefined || before.hash !== run.previous) {
    lane.current = run
    return
  }
  byLast.delete(before.last)
  byFirst.delete(before.first)
  before.last = run.last
  before.hash = run.hash
  lane.current = before
}

/** The run that begins where the current one ends becomes a part of it. */
function join({ current }: Lane, { byFirst, byLast }: NonNullable<Lane["others"]>): void {
  const next = byFirst.get(current.last + 1)
  if (next === undefined || next.previous !== current.hash) return
  byFirst.delete(next.first)
  byLast.delete(next.last)
  current.last = next.last
  current.hash = next.hash
}

/** Ranges apart from each other; runs that touch are not what they should be. */
function merged(
  runs: readonly Run[],
  wrong: (kind: RecordProblem["kind"], run: Run) => void,
): Omit<Run, "line">[] {
  const spans: Omit<Run, "line">[] = []
  for (const run of runs) {
    const span = spans.at(-1)
    if (span === undefined || run.first > span.last + 1) {
      const { first, last, previous, hash } = run
      spans.push({ first, last, previous, hash })
      continue
    }
    wrong(run.first > span.last ? "unlinked" : "duplicated", run)
    if (run.last > span.last) {
      span.last = run.last
      span.hash = run.hash
    }
  }
  return spans
}

function problem(
  kind: RecordProblem["kind"],
  { organization, lane }: { readonly organization: string; readonly lane: string },
  { first: seq, line }: Run,
): RecordProblem {
  const message =
    kind === "duplicated"
      ? "the archive has another event of this place"
      : "its previous_hash is not the hash of the event before it"
  return { kind, organization, lane, seq, line, message }
}
