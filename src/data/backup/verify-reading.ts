// One doubtful lane of a backup, read in its order, and where its events stand in the files.
import type { NewFinding } from "../verify/finding.js"
import type { Purges } from "../verify/purges.js"
import type { Seen } from "../verify/seen.js"
import { Walk } from "../verify/walk.js"
import { addRedacted, noneRedacted, type Redacted } from "../verify/walk-chain.js"
import type { PlacedGroups } from "./verify-redacted.js"
import type { Stretch } from "./verify-stretches.js"
import type { DoubtfulLane, WalkedLane } from "./verify-walk.js"

export interface Place {
  readonly file: string
  readonly line: number
}

/** An event of a window. */
export interface Kept extends PlacedGroups, Place {
  /** In the order of chains. */
  readonly at: number
  seen: Seen
  readonly redacted: Redacted
  readonly size: number
}

/** One lane, read in its order. */
export class Reading {
  readonly #lane: DoubtfulLane
  readonly #walk: Walk
  readonly #of: Purges
  readonly #places = new Map<string, Place>()
  #events = 0
  #redacted = noneRedacted
  #last: Kept | undefined
  #newest: readonly Kept[] = []

  constructor(
    lane: DoubtfulLane,
    purges: Purges,
    report: (finding: NewFinding, place: Place | undefined) => void,
  ) {
    this.#lane = lane
    this.#of = purges
    this.#walk = new Walk(lane.range, (finding) => report(finding, this.#placeOf(finding)))
  }

  set purges(purges: Walk["purges"]) {
    this.#walk.purges = purges
  }

  /** `stretch`: the one that the event stands in, of which only its ends come here. */
  push(row: Kept, stretch: Stretch | undefined): void {
    if (stretch?.last === row.seq) {
      const between = stretch.last - stretch.first - 1
      this.#events += between
      this.#walk.skip(between, row.seen)
    }
    this.#events += 1
    this.#redacted = addRedacted(this.#redacted, row.redacted)
    this.#remember(row)
    this.#walk.push(row.seen)
    this.#last = row
  }

  /** Of what may be found: of what is wrong by itself or does not follow, and of the newest. */
  #remember(row: Kept): void {
    const before = this.#last?.seen
    const { seen } = row
    this.#newest = [...this.#newest.slice(-2), row]
    const isSound =
      seen.computed === seen.hash &&
      seen.version === 1 &&
      seen.faults.length === 0 &&
      row.seq === (before?.seq ?? 0) + 1
    if (isSound && (before === undefined || seen.previous === before.hash)) return
    if (this.#places.size < mostPlaces) this.#places.set(key(row.seq, seen.event_id), row)
  }

  #placeOf({ seq, event_id }: NewFinding): Place | undefined {
    if (seq == null || event_id == null) return undefined
    const isIt = (row: Kept): boolean => row.seq === Number(seq) && row.seen.event_id === event_id
    const place = this.#places.get(key(Number(seq), event_id)) ?? this.#newest.find(isIt)
    return place === undefined ? undefined : { file: place.file, line: place.line }
  }

  finish(): WalkedLane {
    this.#walk.finish(this.#lane.head)
    const { purgedBy } = this.#walk
    let [purged, archived] = [0, 0]
    for (const [act, count] of purgedBy) {
      purged += count
      if (this.#of.isArchived(act)) archived += count
    }
    return { events: this.#events, redacted: this.#redacted, purged, archived }
  }
}

const mostPlaces = 10_000
const key = (seq: number, id: string): string => `${seq} ${id}`
