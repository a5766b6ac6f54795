// Finds the unbroken stretches of lanes among the rows of a partition as they pass by, without hashing them: that is verify's work.
import { valuesOf } from "./copy-text.js"
import { noPlace, readPlace } from "./event-place.js"
import { Stretches } from "./runs-kept.js"

interface Lane {
  /** As COPY writes it, a character a byte. */
  readonly organization: string
  readonly number: number
  /** Its place in the list of lanes. */
  readonly id: number
  /** The stretch that its next event is to go on with. */
  current: number
}

/** Beyond that a file has none in the list. */
const mostRuns = 50_000
/** Rows need not stand in the order of their lane: so many are kept before those that follow one another are joined. */
const mostKept = 75_000

export class Runs {
  readonly #byName = new Map<string, Map<number, Lane>>()
  readonly #lanes: Lane[] = []
  readonly #kept: Stretches
  readonly #most: number
  /** Too many, or a row that is none of an event: then none are kept. */
  #isOver = false
  readonly #at = noPlace()

  /** `share`: how many others are kept at the same time. */
  constructor(share = 1) {
    const part = Math.max(1, share / 4)
    this.#most = Math.ceil(mostRuns / part)
    this.#kept = new Stretches(Math.ceil(mostKept / part))
  }

  /** A line with its line feed. */
  readonly add = (bytes: Buffer, start: number, end: number): void => {
    if (this.#isOver) return
    const place = this.#at
    if (!readPlace(bytes, start, end, place)) {
      this.#giveUp()
      return
    }
    const { organization, lane: number, seq, saltsEnd, previousEnd } = place
    const lane = this.#byName.get(organization)?.get(number) ?? this.#begin(organization, number)
    const [previous, hash] = [saltsEnd + 4, previousEnd + 4]
    if (this.#kept.extend(lane.current, seq, bytes, previous, hash)) return
    if (this.#kept.isFull) this.#join()
    if (this.#isOver) return
    lane.current = this.#kept.add(lane.id, seq, bytes, previous, hash)
  }

  #begin(organization: string, number: number): Lane {
    const lanes = this.#byName.get(organization) ?? new Map<number, Lane>()
    this.#byName.set(organization, lanes)
    const lane = { organization, number, id: this.#lanes.length, current: -1 }
    lanes.set(number, lane)
    this.#lanes.push(lane)
    return lane
  }

  #giveUp(): void {
    this.#isOver = true
    this.#byName.clear()
    this.#lanes.length = 0
    this.#kept.clear()
  }

  /** Where most of them do not follow one another, it would be done for each few rows anew. */
  #join(): void {
    const places = this.#kept.join()
    if (this.#kept.count > this.#most) {
      this.#giveUp()
      return
    }
    for (const lane of this.#lanes) if (lane.current !== -1) lane.current = places[lane.current] ?? -1
  }

  /** Lines of COPY text: organization, lane, first, last, previous_hash, hash; null where they are not kept. */
  finish(): string | null {
    if (!this.#isOver) this.#join()
    if (this.#isOver) return null
    const names = new Map([...this.#byName.keys()].map((name) => [name, unescaped(name)]))
    const bytesOf = ({ organization }: Lane): Buffer => names.get(organization) ?? Buffer.alloc(0)
    const sorted = [...this.#lanes].sort(
      (a, b) => Buffer.compare(bytesOf(a), bytesOf(b)) || a.number - b.number,
    )
    return this.#kept.text(
      sorted.map(({ id, organization, number }) => ({ id, before: `${organization}\t${number}\t` })),
    )
  }
}

/** What COPY wrote of a text, in bytes. */
const unescaped = (field: string): Buffer => Buffer.from(valuesOf(Buffer.from(field, "latin1"))[0] ?? "")
