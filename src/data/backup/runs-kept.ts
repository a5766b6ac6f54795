// Stretches of lanes as columns of numbers and bytes: as objects with their hashes as strings they would take many times the memory.

/** Of a hash, a byte each. */
const digits = 64
/** Of a stretch: the hash before it, and that of its last event. */
const hashes = 2 * digits
const least = 1024

export class Stretches {
  readonly #most: number
  #count = 0
  #lane = new Uint32Array(least)
  #first = new Float64Array(least)
  #last = new Float64Array(least)
  #hashes: Buffer = Buffer.allocUnsafeSlow(least * hashes)

  /** `most`: how many are kept at a time. */
  constructor(most: number) {
    this.#most = most
  }

  get count(): number {
    return this.#count
  }

  get isFull(): boolean {
    return this.#count >= this.#most
  }

  clear(): void {
    this.#count = 0
    this.#allocate(0)
  }

  /** Whether the event goes on with that stretch; `previous` and `hash`: where its hashes begin. */
  extend(at: number, seq: number, bytes: Buffer, previous: number, hash: number): boolean {
    if (at < 0 || seq !== (this.#last[at] as number) + 1) return false
    const own = at * hashes + digits
    if (this.#hashes.compare(bytes, previous, previous + digits, own, own + digits) !== 0) return false
    this.#last[at] = seq
    bytes.copy(this.#hashes, own, hash, hash + digits)
    return true
  }

  /** A stretch of one event; where it stands. */
  add(lane: number, seq: number, bytes: Buffer, previous: number, hash: number): number {
    const at = this.#count
    if (at === this.#lane.length) this.#allocate(Math.min(this.#most, 2 * at))
    this.#count += 1
    this.#lane[at] = lane
    this.#first[at] = seq
    this.#last[at] = seq
    bytes.copy(this.#hashes, at * hashes, previous, previous + digits)
    bytes.copy(this.#hashes, at * hashes + digits, hash, hash + digits)
    return at
  }

  #allocate(room: number): void {
    const [lane, first, last, before] = [this.#lane, this.#first, this.#last, this.#hashes]
    this.#lane = new Uint32Array(room)
    this.#first = new Float64Array(room)
    this.#last = new Float64Array(room)
    this.#hashes = Buffer.allocUnsafeSlow(room * hashes)
    if (room < lane.length) return
    this.#lane.set(lane)
    this.#first.set(first)
    this.#last.set(last)
    before.copy(this.#hashes)
  }

  /** Puts them in the order of lanes and places, and makes one of those that follow one another. Tells for each where it stands then. */
  join(): Uint32Array {
    const [lane, first, last, before] = [this.#lane, this.#first, this.#last, this.#hashes]
    const order = new Uint32Array(this.#count)
    for (let at = 0; at < order.length; at += 1) order[at] = at
    const by = (column: Uint32Array | Float64Array, a: number, b: number): number =>
      (column[a] as number) - (column[b] as number)
    order.sort((a, b) => by(lane, a, b) || by(first, a, b) || by(last, a, b))
    const places = new Uint32Array(order.length)
    this.#count = 0
    this.#lane = new Uint32Array(lane.length)
    this.#first = new Float64Array(lane.length)
    this.#last = new Float64Array(lane.length)
    this.#hashes = Buffer.allocUnsafeSlow(lane.length * hashes)
    for (const from of order) {
      const to = this.#count - 1
      const isNext =
        to >= 0 &&
        this.#lane[to] === lane[from] &&
        first[from] === (this.#last[to] as number) + 1 &&
        before.compare(
          this.#hashes,
          to * hashes + digits,
          (to + 1) * hashes,
          from * hashes,
          from * hashes + digits,
        ) === 0
      const at = isNext ? to : this.#count
      if (!isNext) {
        this.#count += 1
        this.#lane[at] = lane[from] as number
        this.#first[at] = first[from] as number
        before.copy(this.#hashes, at * hashes, from * hashes, from * hashes + digits)
      }
      this.#last[at] = last[from] as number
      before.copy(this.#hashes, at * hashes + digits, from * hashes + digits, (from + 1) * hashes)
      places[from] = at
    }
    return places
  }

  /** After `join`: the lines of these lanes in their order, `before` of each as it stands, a character a byte. */
  text(lanes: readonly { readonly id: number; readonly before: string }[]): string {
    const begins = new Map<number, number>()
    for (let at = this.#count - 1; at >= 0; at -= 1) begins.set(this.#lane[at] as number, at)
    let size = 0
    const each = (visit: (at: number, before: string) => void): void => {
      for (const { id, before } of lanes) {
        const begin = begins.get(id) ?? this.#count
        for (let at = begin; at < this.#count && this.#lane[at] === id; at += 1) visit(at, before)
      }
    }
    each((_, before) => {
      size += before.length + longest
    })
    const bytes = Buffer.allocUnsafeSlow(size)
    let end = 0
    each((at, before) => {
      end += bytes.write(`${before}${this.#first[at]}\t${this.#last[at]}\t\\\\x`, end, "latin1")
      end += this.#hashes.copy(bytes, end, at * hashes, at * hashes + digits)
      end += bytes.write("\t\\\\x", end, "latin1")
      end += this.#hashes.copy(bytes, end, at * hashes + digits, (at + 1) * hashes)
      end += bytes.write("\n", end, "latin1")
    })
    return bytes.toString("utf8", 0, end)
  }
}

/** Of a line, without what stands before: two places of at most 16 digits, two hashes, and what is between them. */
const longest = 2 * 16 + hashes + 2 * 3 + 4
