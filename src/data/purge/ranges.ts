// The places that purges removed from one lane. Compact: a lane may have hundreds of thousands of ranges.
import type { PurgeRecord } from "./records.js"

export interface PurgedRange {
  readonly first: number
  readonly last: number
  /** Hash before its first event, and that of its last: latin1, 32 bytes. */
  readonly before: string
  readonly hash: string
  /** seq of the act that purged it. */
  readonly act: string
}

const hashesWidth = 64

export class LanePurges {
  static readonly none = new LanePurges([])
  readonly #firsts: Float64Array
  readonly #lasts: Float64Array
  readonly #parts: readonly Part[]
  /** In the order of places: which of the parts, and which range in it. */
  readonly #order: Uint32Array
  readonly #starts: Uint32Array

  /** Of one lane; none of them overlap. */
  constructor(parts: readonly Part[]) {
    this.#parts = parts
    this.#starts = new Uint32Array(parts.length)
    let length = 0
    for (const [at, part] of parts.entries()) {
      this.#starts[at] = length
      length += part.firsts.length
    }
    const firsts = new Float64Array(length)
    const lasts = new Float64Array(length)
    for (const [at, part] of parts.entries()) {
      firsts.set(part.firsts, this.#starts[at])
      lasts.set(part.lasts, this.#starts[at])
    }
    this.#order = Uint32Array.from({ length }, (_, at) => at).sort(
      (a, b) => (firsts[a] ?? 0) - (firsts[b] ?? 0),
    )
    this.#firsts = Float64Array.from(this.#order, (at) => firsts[at] ?? 0)
    this.#lasts = Float64Array.from(this.#order, (at) => lasts[at] ?? 0)
  }

  get length(): number {
    return this.#order.length
  }

  first(index: number): number {
    return this.#firsts[index] ?? Number.NaN
  }

  last(index: number): number {
    return this.#lasts[index] ?? Number.NaN
  }

  /** In the order of places. */
  at(index: number): PurgedRange {
    const own = this.#order[index] ?? 0
    let part = 0
    for (let end = this.#starts.length; end - part > 1; ) {
      const middle = (part + end) >> 1
      if ((this.#starts[middle] ?? 0) <= own) part = middle
      else end = middle
    }
    const { act = "", hashes = Buffer.alloc(0) } = this.#parts[part] ?? {}
    const from = (own - (this.#starts[part] ?? 0)) * hashesWidth
    return {
      first: this.first(index),
      last: this.last(index),
      before: hashes.toString("latin1", from, from + 32),
      hash: hashes.toString("latin1", from + 32, from + 64),
      act,
    }
  }

  /** Index of the first range that ends at this place or after it. */
  from(seq: number): number {
    let left = 0
    let right = this.length
    while (left < right) {
      const middle = (left + right) >> 1
      if (this.last(middle) < seq) left = middle + 1
      else right = middle
    }
    return left
  }

  /** The range that has the place. */
  find(seq: number): PurgedRange | undefined {
    const index = this.from(seq)
    return index < this.length && this.first(index) <= seq ? this.at(index) : undefined
  }
}

/** The ranges of one record. */
export interface Part {
  readonly act: string
  readonly firsts: Float64Array
  readonly lasts: Float64Array
  readonly hashes: Buffer
}

const largest = BigInt(Number.MAX_SAFE_INTEGER)

/** Undefined where the record is not one that pgtrail makes. */
export function readPart({ act_seq: act, ranges, hashes: hex, events }: PurgeRecord): Part | undefined {
  const firsts: number[] = []
  const lasts: number[] = []
  let places = 0n
  const pattern = /\[(\d{1,16}),(\d{1,16})\)([,}])/y
  pattern.lastIndex = 1
  for (let end = ","; end === ","; ) {
    const [, first, after, then] = pattern.exec(ranges) ?? []
    if (first === undefined || after === undefined || then === undefined) return undefined
    if (BigInt(first) < 1n || BigInt(after) > largest) return undefined
    firsts.push(Number(first))
    lasts.push(Number(after) - 1)
    places += BigInt(after) - BigInt(first)
    end = then
  }
  const hashes = Buffer.from(hex.slice(2), "hex")
  if (hashes.length !== firsts.length * hashesWidth || BigInt(events) < places) return undefined
  return { act, firsts: Float64Array.from(firsts), lasts: Float64Array.from(lasts), hashes }
}

/** The parts that do not overlap one before them in the list, and those that do. */
export function disjoint(parts: readonly Part[]): { lane: LanePurges; overlapping: readonly Part[] } {
  const all = new LanePurges(parts)
  if (!overlaps(all)) return { lane: all, overlapping: [] }
  let kept: Part[] = []
  const overlapping: Part[] = []
  for (const part of parts) {
    if (overlaps(new LanePurges([...kept, part]))) overlapping.push(part)
    else kept = [...kept, part]
  }
  return { lane: new LanePurges(kept), overlapping }
}

function overlaps(lane: LanePurges): boolean {
  for (let at = 1; at < lane.length; at++) if (lane.first(at) <= lane.last(at - 1)) return true
  return false
}
