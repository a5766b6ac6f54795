// Reads one chain in its order and names what is wrong with it, and where. Only chains whose sum does not close up come here.
import { LanePurges, type PurgedRange } from "../purge/ranges.js"
import type { FindingKind } from "./finding.js"
import { homeOf, mostSwaps, openPlaces } from "./moved.js"
import type { Row } from "./row.js"
import { alteredMessage, best, evidenceOf, keep, type Seen } from "./seen.js"
import { gap, judgeTail, purgeName, span, unfollowed } from "./tail.js"
import type { Head, Report, WalkRange } from "./walk-range.js"

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
  /** What is at the place before the expected one: an event, or a purge. */
  #end: Pick<Seen, "hash"> | PurgedRange | undefined
  #events = 0
  readonly #purgedBy = new Map<string, number>()
  #purges = LanePurges.none
  #nextPurge = 0
  readonly #watchedRows = new Map<number, Seen>()
  readonly #watchedPurges = new Map<number, PurgedRange>()
  readonly #altered: (readonly [row: Seen, broken: string])[] = []
  readonly #missing: { first: number; last: number; before: string | undefined; after: string }[] = []

  constructor(range: WalkRange, report: Report) {
    this.#range = range
    this.#expected = range.first
    this.#accepted = range.previous
    this.#places = new Set([range.watched, range.start ?? []].flat().map((watched) => watched.seq))
    const { organization_id, lane } = range
    this.#report = (finding) => report({ organization_id, lane, ...finding })
  }

  /** Rows come in the order of seq. */
  push(row: Row | Seen): void {
    const seen = "event_id" in row ? row : keep(row)
    this.#events += 1
    if (this.#group.length > 0 && this.#group[0]?.seq !== seen.seq) this.#judge(seen)
    if (this.#group.length === 0) this.#pass(seen.seq)
    this.#group.push(seen)
  }

  /** Passes so many sound events that lead from the last one to `next`. */
  skip(events: number, next: Seen): void {
    this.#judge(undefined)
    this.#events += events
    this.#expected = next.seq
    this.#accepted = [next.previous]
  }

  /** What was purged of the lane, on the snapshot of the rows that follow: for places that were read before it says nothing new. */
  set purges(purges: LanePurges) {
    this.#purges = purges
    this.#nextPurge = this.position === 0 ? 0 : purges.from(this.position + 1)
  }

  /** How many places were passed because an act purged them, by its seq. */
  get purgedBy(): ReadonlyMap<string, number> {
    return this.#purgedBy
  }

  /** seq of the newest row pushed; 0 before the first. */
  get position(): number {
    return this.#group[0]?.seq ?? this.#last?.seq ?? 0
  }

  /** Judges the last place and, against the newest head, the tail. Without a head the walk stops before it, and only `until` counts. */
  finish(head: Head | undefined): void {
    this.#judge(undefined)
    const until = this.#range.until
    this.#pass(until ?? Number.POSITIVE_INFINITY)
    if (head !== undefined) {
      const last = this.#last === this.#end ? this.#last : undefined
      const purge = this.#end !== undefined && "act" in this.#end ? this.#end : undefined
      judgeTail(
        {
          ...this.#range,
          head,
          events: this.#events,
          end: this.#expected - 1,
          last,
          purge,
          isLastSound: last !== undefined && this.#previous === last,
          rows: this.#watchedRows,
          purges: this.#watchedPurges,
        },
        this.#report,
      )
    } else if (until !== undefined && this.#expected <= until) {
      this.#missing.push({ first: this.#expected, last: until, before: this.#end?.hash, after: "" })
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

  /** Passes what was purged up to a place, also a range that begins before it and goes on after it. */
  #pass(seq: number): void {
    for (; this.#nextPurge < this.#purges.length; this.#nextPurge++) {
      if (this.#purges.first(this.#nextPurge) > seq) return
      const range = this.#purges.at(this.#nextPurge)
      if (this.#places.has(range.last)) this.#watchedPurges.set(range.last, range)
      if (range.last >= this.#expected) this.#passRange(range)
    }
  }

  #passRange(range: PurgedRange): void {
    const { first, last, before, hash, act } = range
    if (first > this.#expected) {
      this.#missing.push({ first: this.#expected, last: first - 1, before: this.#end?.hash, after: before })
    } else if (first === this.#expected && this.#accepted !== undefined && !this.#accepted.includes(before)) {
      if (this.#previous === undefined) this.#report(unfollowed(range, this.#accepted[0]))
      else {
        const message = `event ${this.#previous.seq} was rewritten: its hash fits it, but ${purgeName(range)} does not follow it`
        this.#add("altered", this.#previous, message)
      }
    }
    const places = last - Math.max(first, this.#expected) + 1
    this.#purgedBy.set(act, (this.#purgedBy.get(act) ?? 0) + places)
    this.#accepted = [hash]
    this.#previous = undefined
    this.#end = range
    this.#expected = last + 1
  }

  /** Judges the events of one place, knowing one of the next. */
  #judge(next: Seen | undefined): void {
    const group = this.#group
    this.#group = []
    const [first] = group
    if (first === undefined) return
    const seq = first.seq
    if (seq < this.#expected) {
      const where =
        this.#end !== undefined && "act" in this.#end && seq >= this.#end.first
          ? `at a place that act ${this.#end.act} purged`
          : "before the start of its chain"
      for (const row of group) this.#add("inserted", row, `event ${seq} stands ${where}`)
      return
    }
    const gapBefore = seq > this.#expected ? this.#expected : undefined
    if (gapBefore !== undefined) {
      this.#accepted = undefined
      this.#previous = undefined
    }
    const main = best(group, this.#accepted, next)
    if (gapBefore !== undefined) {
      const before = this.#end?.hash
      this.#missing.push({ first: gapBefore, last: seq - 1, before, after: main.previous })
    }
    for (const row of group) if (row !== main) this.#judgeExtra(row, main)
    this.#judgeMain(main)
    if (this.#places.has(seq)) this.#watchedRows.set(seq, main)
    this.#expected = seq + 1
    this.#last = main
    this.#end = main
  }

  #judgeMain(row: Seen): void {
    // Of an event that is wrong itself, whether it still follows the one before: whoever accepts it does not accept another beginning.
    const isBroken = this.#accepted !== undefined && !this.#accepted.includes(row.previous)
    const broken = isBroken ? (this.#accepted?.[0] ?? "") : ""
    for (const { kind, group, words, detail } of row.faults) {
      this.#add(kind, row, `the ${group} of event ${row.seq} ${words}`, group, "", detail)
    }
    if (row.version !== 1) {
      const message = `event ${row.seq} has hash version ${row.version}, which this tool does not know`
      this.#add("unknown_version", row, message, null, broken)
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
          const start =
            this.#end === undefined
              ? "start from the genesis of its chain"
              : "follow the purge that ends before it"
          this.#add("altered", row, `event ${row.seq} does not ${start}`)
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
    const open = openPlaces(this.#altered, this.#missing)
    for (const [row, broken] of this.#altered) {
      const home = homeOf(row, open)
      if (home === undefined) {
        this.#add("altered", row, alteredMessage(row), null, broken)
        continue
      }
      this.#add("reordered", row, `event ${row.seq} was moved: by its hash it is event ${home}`, null, broken)
      const gap = this.#missing.findIndex(({ first, last }) => first === home && last === home)
      if (gap >= 0) this.#missing.splice(gap, 1)
    }
  }

  #add(
    kind: FindingKind,
    row: Seen,
    message: string,
    group: string | null = null,
    broken = "",
    detail = "",
  ): void {
    const before = broken === "" ? "" : ` after ${Buffer.from(broken, "latin1").toString("hex")}`
    const evidence = `${kind} ${group} ${evidenceOf(row)}${before}${detail === "" ? "" : ` ${detail}`}`
    this.#report({ kind, seq: String(row.seq), event_id: row.event_id, group, evidence, message })
  }
}
