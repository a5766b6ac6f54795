// Reads one chain in its order and names what is wrong with it, and where. Only chains whose sum does not close up come here.
import type { FindingKind, NewFinding } from "./finding.js"
import type { Row } from "./row.js"
import { alteredMessage, best, evidenceOf, fitsAt, keep, type Seen } from "./seen.js"
import { gap, judgeTail, span } from "./tail.js"

export interface Head {
  readonly seq: number
  /** latin1, 32 bytes. */
  readonly hash: string
}

/** What an anchor knows of a place. */
export interface Watched extends Head {
  /** The anchor, in words. */
  readonly by: string
  /** When it was made, by the server's clock: microseconds since 2000. */
  readonly time: bigint
  /** The acts tell that the log was set back to before this anchor. */
  readonly rolledBack: boolean
}

export interface WalkRange {
  readonly organization_id: string
  readonly lane: string
  /** First place that must be there. */
  readonly first: number
  /** Hashes that `first` may be chained to: genesis hashes of a whole chain; undefined where none is known. */
  readonly previous: readonly string[] | undefined
  /** The anchor that this walk starts from, at the place before `first`. */
  readonly start?: Watched | undefined
  /** Last place that must be there, in a walk that stops before the head. */
  readonly until?: number
  readonly watched: readonly Watched[]
}

export type Report = (finding: NewFinding) => void

/** How many altered events are compared with each other's places, to tell a swap from an alteration. */
const mostSwaps = 64

export class Walk {
  readonly #range: WalkRange
  readonly #places: ReadonlySet<number>
  readonly #report: Report
  #group: Seen[] = []
  #expected: number
  /** Hashes that the next event may have been chained to; undefined where that cannot be known. */
  #accepted: readonly string[] | undefined
  #previous: Seen | undefined
  #last: Seen | undefined
  #events = 0
  readonly #watchedRows = new Map<number, Seen>()
  readonly #altered: (readonly [row: Seen, broken: string])[] = []
  readonly #missing: { first: number; last: number; before: string | undefined; after: string }[] = []

  constructor(range: WalkRange, report: Report) {
    this.#range = range
    this.#expected = range.first
    this.#accepted = range.previous
    this.#places = new Set(range.watched.map((watched) => watched.seq))
    const { organization_id, lane } = range
    this.#report = (finding) => report({ organization_id, lane, ...finding })
  }

  /** Rows come in the order of seq. */
  push(row: Row): void {
    const seen = keep(row)
    this.#events += 1
    if (this.#group.length > 0 && this.#group[0]?.seq !== seen.seq) this.#judge(seen)
    this.#group.push(seen)
  }

  /** seq of the newest row pushed; 0 before the first. */
  get position(): number {
    return this.#group[0]?.seq ?? this.#last?.seq ?? 0
  }

  /** Judges the last place and, against the newest head, the tail. Without a head the walk stops before it, and only `until` counts. */
  finish(head: Head | undefined): void {
    this.#judge(undefined)
    const until = this.#range.until
    if (head !== undefined) {
      const last = this.#last
      judgeTail(
        {
          ...this.#range,
          head,
          events: this.#events,
          last,
          isLastSound: last !== undefined && this.#previous === last,
          rows: this.#watchedRows,
        },
        this.#report,
      )
    } else if (until !== undefined && this.#expected <= until) {
      this.#missing.push({ first: this.#expected, last: until, before: this.#last?.hash, after: "" })
    }
    this.#reportFound()
  }

  #reportFound(): void {
    this.#reportAltered()
    for (const { first, last, before, after } of this.#missing) {
      const evidence = gap(first, last, before, after)
      this.#report({ kind: "missing", seq: String(first), evidence, message: span(first, last, "missing") })
    }
  }

  /** Ends a walk in the middle of its chain: the newest place is judged, and nothing is said of what follows. */
  pause(): void {
    this.#judge(undefined)
    this.#reportFound()
  }

  /** Judges the events of one place, knowing one of the next. */
  #judge(next: Seen | undefined): void {
    const group = this.#group
    this.#group = []
    const [first] = group
    if (first === undefined) return
    const seq = first.seq
    if (seq < this.#expected) {
      for (const row of group) this.#add("inserted", row, `event ${seq} stands before the start of its chain`)
      return
    }
    let gapBefore: number | undefined
    if (seq > this.#expected) {
      gapBefore = this.#expected
      this.#accepted = undefined
      this.#previous = undefined
    }
    const main = best(group, this.#accepted, next)
    if (gapBefore !== undefined) {
      const before = this.#last?.hash
      this.#missing.push({ first: gapBefore, last: seq - 1, before, after: main.previous })
    }
    for (const row of group) if (row !== main) this.#judgeExtra(row, main)
    this.#judgeMain(main)
    if (this.#places.has(seq)) this.#watchedRows.set(seq, main)
    this.#expected = seq + 1
    this.#last = main
  }

  #judgeMain(row: Seen): void {
    // Of an event that is wrong itself, whether it still follows the one before: whoever accepts it does not accept another beginning.
    const isBroken = this.#accepted !== undefined && !this.#accepted.includes(row.previous)
    const broken = isBroken ? (this.#accepted?.[0] ?? "") : ""
    for (const group of row.redacted) {
      this.#add(
        "unauthorized_redaction",
        row,
        `the ${group} of event ${row.seq} was redacted and no act authorizes it`,
        group,
      )
    }
    if (row.version !== 1) {
      this.#add(
        "unknown_version",
        row,
        `event ${row.seq} has hash version ${row.version}, which this tool does not know`,
        null,
        broken,
      )
      this.#accepted = undefined
      this.#previous = undefined
    } else if (row.computed !== row.hash) {
      // With very many, comparing places says nothing more, and keeping them would exhaust the memory.
      if (this.#altered.length < mostSwaps) this.#altered.push([row, broken])
      else this.#add("altered", row, alteredMessage(row), null, broken)
      this.#accepted = undefined
      this.#previous = undefined
    } else {
      if (isBroken) {
        if (this.#previous !== undefined) {
          const message = `event ${this.#previous.seq} was rewritten: its hash fits it, but event ${row.seq} was chained to another`
          this.#add("altered", this.#previous, message)
        } else {
          this.#add("altered", row, `event ${row.seq} does not start from the genesis of its chain`)
        }
      }
      this.#accepted = [row.hash]
      this.#previous = row
    }
  }

  #judgeExtra(row: Seen, main: Seen): void {
    const at = `a second event ${row.seq}`
    if (row.computed !== row.hash)
      this.#add("inserted", row, `${at} stands at the same place, and its hash does not fit it`)
    else if (row.hash === main.hash) this.#add("duplicated", row, `event ${row.seq} is stored twice`)
    else if (row.previous === main.previous)
      this.#add("forked", row, `${at} continues the same chain: two events follow event ${row.seq - 1}`)
    else this.#add("overlapping", row, `${at} belongs to another run of the chain`)
  }

  /** An altered event whose hash fits at another place that is open was moved there. */
  #reportAltered(): void {
    const open = new Set(this.#altered.map(([row]) => row.seq))
    for (const { first, last } of this.#missing) {
      for (let seq = first; seq <= last && open.size < 4 * mostSwaps; seq++) open.add(seq)
    }
    for (const [row, broken] of this.#altered) {
      const home = [...open].find((seq) => fitsAt(row, seq))
      if (home === undefined) {
        this.#add("altered", row, alteredMessage(row), null, broken)
      } else {
        this.#add(
          "reordered",
          row,
          `event ${row.seq} was moved: by its hash it is event ${home}`,
          null,
          broken,
        )
        const gap = this.#missing.findIndex(({ first, last }) => first === home && last === home)
        if (gap >= 0) this.#missing.splice(gap, 1)
      }
    }
  }

  #add(kind: FindingKind, row: Seen, message: string, group: string | null = null, broken = ""): void {
    const before = broken === "" ? "" : ` after ${Buffer.from(broken, "latin1").toString("hex")}`
    const evidence = `${kind} ${group} ${evidenceOf(row)}${before}`
    this.#report({ kind, seq: String(row.seq), event_id: row.event_id, group, evidence, message })
  }
}
