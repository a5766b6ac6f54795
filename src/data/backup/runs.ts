// Finds the unbroken stretches of lanes among the rows of a partition as they pass by, without hashing them: that is verify's work.
import { valuesOf } from "./copy-text.js"
import { noPlace, readPlace } from "./event-place.js"

/** A stretch of a lane: each event has the hash of the one before it. */
interface Run {
  first: number
  last: number
  readonly previous: string
  hash: string
}

interface Lane {
  current: Run
  /** The others, by where they begin and where they end: rows need not stand in the order of their lane. */
  byFirst: Map<number, Run> | undefined
  byLast: Map<number, Run> | undefined
  /** Places that are there twice. */
  doubled: Run[] | undefined
}

/** Beyond that a file has none in the list. */
const mostRuns = 50_000

export class Runs {
  /** Organizations as COPY writes them, a character a byte. */
  readonly #lanes = new Map<string, Map<number, Lane>>()
  #count = 0
  /** Too many, or a row that is none of an event: then none are kept. */
  #isOver = false
  readonly #at = noPlace()

  /** A line with its line feed. */
  readonly add = (bytes: Buffer, start: number, end: number): void => {
    if (this.#isOver) return
    const place = this.#at
    if (!readPlace(bytes, start, end, place)) {
      this.#giveUp()
      return
    }
    const { organization, lane, seq, saltsEnd, previousEnd, hashEnd } = place
    this.#place(
      organization,
      lane,
      seq,
      bytes.toString("latin1", saltsEnd + 4, previousEnd),
      bytes.toString("latin1", previousEnd + 4, hashEnd),
    )
  }

  #giveUp(): void {
    this.#isOver = true
    this.#lanes.clear()
  }

  #place(organization: string, number: number, seq: number, previous: string, hash: string): void {
    let lanes = this.#lanes.get(organization)
    if (lanes === undefined) {
      lanes = new Map()
      this.#lanes.set(organization, lanes)
    }
    const lane = lanes.get(number)
    if (lane === undefined) {
      const current = { first: seq, last: seq, previous, hash }
      lanes.set(number, { current, byFirst: undefined, byLast: undefined, doubled: undefined })
      this.#more()
      return
    }
    const { current } = lane
    if (seq === current.last + 1 && previous === current.hash) {
      current.last = seq
      current.hash = hash
    } else this.#turn(lane, { first: seq, last: seq, previous, hash })
    if (lane.byFirst !== undefined) this.#join(lane)
  }

  #more(): void {
    this.#count += 1
    if (this.#count > mostRuns) this.#giveUp()
  }

  /** Puts the current run aside, and goes on with the one that the new event extends, or with a new one. */
  #turn(lane: Lane, run: Run): void {
    lane.byFirst ??= new Map()
    lane.byLast ??= new Map()
    const { current, byFirst, byLast } = lane
    if (byFirst.has(current.first) || byLast.has(current.last)) {
      lane.doubled ??= []
      lane.doubled.push(current)
    } else {
      byFirst.set(current.first, current)
      byLast.set(current.last, current)
    }
    const before = byLast.get(run.first - 1)
    if (before === undefined || before.hash !== run.previous) {
      lane.current = run
      this.#more()
      return
    }
    byLast.delete(before.last)
    byFirst.delete(before.first)
    before.last = run.last
    before.hash = run.hash
    lane.current = before
  }

  /** The run that begins where the current one ends becomes a part of it. */
  #join({ current, byFirst, byLast }: Lane): void {
    const next = byFirst?.get(current.last + 1)
    if (next === undefined || next.previous !== current.hash) return
    byFirst?.delete(next.first)
    byLast?.delete(next.last)
    current.last = next.last
    current.hash = next.hash
    this.#count -= 1
  }

  /** Lines of COPY text: organization, lane, first, last, previous_hash, hash; null where they are not kept. */
  finish(): string | null {
    if (this.#isOver) return null
    const organizations = [...this.#lanes.keys()].map((name) => ({ name, bytes: unescaped(name) }))
    organizations.sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    const lines: string[] = []
    for (const { name } of organizations) {
      const lanes = [...(this.#lanes.get(name) ?? [])].sort(([a], [b]) => a - b)
      for (const [number, { current, byFirst, doubled }] of lanes) {
        const runs = [current, ...(byFirst?.values() ?? []), ...(doubled ?? [])]
        runs.sort((a, b) => a.first - b.first || a.last - b.last)
        for (const { first, last, previous, hash } of runs) {
          lines.push(`${name}\t${number}\t${first}\t${last}\t\\\\x${previous}\t\\\\x${hash}\n`)
        }
      }
    }
    return Buffer.from(lines.join(""), "latin1").toString("utf8")
  }
}

/** What COPY wrote of a text, in bytes. */
const unescaped = (field: string): Buffer => Buffer.from(valuesOf(Buffer.from(field, "latin1"))[0] ?? "")
