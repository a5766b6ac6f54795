// Reads the doubtful chains of a backup again, each in its order: files hold them in any, so that as much as a window takes is gathered and sorted, then the next.
import type { RedactionFault } from "../redaction/judge.js"
import type { NewFinding } from "../verify/finding.js"
import type { LogTables } from "../verify/log-tables.js"
import type { Purges } from "../verify/purges.js"
import { keep } from "../verify/seen.js"
import { noneRedacted, type Redacted } from "../verify/walk-chain.js"
import type { Head, WalkRange } from "../verify/walk-range.js"
import { type EventFiles, eachEvent } from "./verify-each.js"
import { type Kept, type Place, Reading } from "./verify-reading.js"
import { judgeRedacted } from "./verify-redacted.js"
import { findStretches, type Stretches } from "./verify-stretches.js"

/** A chain that is read again, by its key. */
export interface DoubtfulLane {
  readonly chain: string
  readonly range: WalkRange
  readonly head: Head
  /** As the first reading counted them. */
  readonly events: number
  /** Whether what is redacted adds up to what the entries of redactions say. */
  readonly isRedactedAsTold: boolean
}

export interface WalkedLane {
  readonly events: number
  readonly redacted: Redacted
  readonly purged: number
  readonly archived: number
}

export interface LaneWalk extends EventFiles {
  readonly log: LogTables
  readonly purges: Purges
  /** Bytes that are kept of a window; for tests. */
  readonly windowBytes?: number | undefined
}

const window = 24 * 1024 * 1024
/** What an event takes beside the records that are kept of it. */
const eventBytes = 700

/** What was read of each; `report` gets what is found, with where it stands. */
export async function walkLanes(
  walk: LaneWalk,
  lanes: readonly DoubtfulLane[],
  report: (finding: NewFinding, place: Place | undefined) => void,
): Promise<WalkedLane[]> {
  const walked: WalkedLane[] = []
  const chains = new Map(lanes.map(({ chain }, at) => [chain, at]))
  const { windowBytes = window } = walk
  const events = lanes.reduce((sum, lane) => sum + lane.events, 0)
  // What does not fit into one window is looked at by blocks first: a file is read once more, instead of once for each window.
  const places = Math.max(4, Math.floor(windowBytes / eventBytes / 8))
  const stretches = events * eventBytes > windowBytes ? await findStretches(walk, lanes, places) : undefined
  let from: Position = { at: -1, seq: 0 }
  let reading: Reading | undefined
  let isOver = lanes.length === 0
  const close = (): void => {
    if (reading !== undefined) walked.push(reading.finish())
    reading = undefined
  }
  /** Also lanes of which there is no event any more. */
  const open = async (to: number): Promise<void> => {
    while (walked.length <= to) {
      const lane = lanes[walked.length]
      if (lane === undefined) return
      if (reading === undefined) {
        const { organization_id, lane: number } = lane.range
        reading = new Reading(lane, walk.purges, report)
        reading.purges = await walk.purges.ofLane(walk.log, organization_id, number)
      }
      if (walked.length === to) return
      close()
    }
  }
  while (!isOver) {
    const gathered = await gather(walk, chains, stretches, from)
    for (const row of gathered.rows) {
      await open(row.at)
      reading?.push(row, stretches?.of(row.at, row.seq))
      from = row
    }
    isOver = gathered.isWhole
  }
  await open(lanes.length - 1)
  close()
  return walked
}

interface Position {
  readonly at: number
  readonly seq: number
}

const compare = (a: Position, b: Position): number => a.at - b.at || a.seq - b.seq

/** The rows that follow `from`, in their order, as many as a window takes; `isWhole`: there are no more. */
async function gather(
  walk: LaneWalk,
  chains: ReadonlyMap<string, number>,
  stretches: Stretches | undefined,
  from: Position,
): Promise<{ readonly rows: readonly Kept[]; readonly isWhole: boolean }> {
  const { job, log, windowBytes = window } = walk
  let rows: Kept[] = []
  let size = 0
  let until: Position | undefined
  const halve = (): void => {
    rows.sort(compare)
    let half = 0
    let bytes = 0
    while (half < rows.length && bytes < windowBytes / 2) bytes += rows[half++]?.size ?? 0
    // All events of a place are judged together.
    const last = rows[half - 1]
    while (last !== undefined && half < rows.length && compare(rows[half] ?? last, last) === 0)
      bytes += rows[half++]?.size ?? 0
    rows = rows.slice(0, half)
    size = bytes
    until = last
  }
  await eachEvent(walk, chains, (row, groups, file, line) => {
    const at = chains.get(row.chain) ?? 0
    const position = { at, seq: row.seq }
    if (compare(position, from) <= 0 || (until !== undefined && compare(position, until) > 0)) return
    const stretch = stretches?.of(at, row.seq)
    if (stretch !== undefined && stretch.first < row.seq && row.seq < stretch.last) return
    const isRedacted = row.redactedIdentity || row.redactedContent
    const seen = keep(row)
    const own = isRedacted ? groups() : []
    const held = own.reduce((sum, { record }) => sum + record.length, seen.record?.length ?? 0)
    const redacted = isRedacted
      ? { events: 1, identity: Number(row.redactedIdentity), content: Number(row.redactedContent) }
      : noneRedacted
    const bytes = eventBytes + held
    rows.push({ ...position, chain: row.chain, groups: own, seen, file, line, redacted, size: bytes })
    size += bytes
    if (size > windowBytes) halve()
  })
  rows.sort((a, b) => compare(a, b) || a.line - b.line)
  const ordered = [...rows]
  if (job.hasEntries) {
    await judgeRedacted(rows, log.entries(), (row, faults: readonly RedactionFault[]) => {
      row.seen = { ...row.seen, faults }
    })
  } else
    await judgeRedacted(
      rows.filter(({ groups }) => groups.length > 0),
      nothing(),
      (row, faults) => {
        row.seen = { ...row.seen, faults }
      },
    )
  return { rows: ordered, isWhole: until === undefined }
}

async function* nothing(): AsyncGenerator<never> {}
