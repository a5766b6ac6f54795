// What a comparison knows of each lane: keyed sums of both sides, block by block, so that equal ones cost one reading and no sorting.
import * as crypto from "node:crypto"

/** Places of one block: so many are looked at one by one where the sums of both sides differ. */
export const blockSize = 4096
const keyLength = 16
const words = 8

export interface Block {
  /** Of the log less of the backup, over SHA-256 of each line with a key that was drawn for this comparison. */
  readonly sum: Uint32Array
  backup: number
  log: number
  /** Files of the backup that have events of it, by number. */
  readonly files: number[]
  /** Only where the sums differ: the places that the backup has, and how many of them the log has. */
  seen: Uint8Array | undefined
  matched: number
}

/** What acts since say of places: that they were purged, or came back. */
export class Since {
  readonly #ranges: { readonly first: number; readonly last: number; readonly act: string }[] = []
  #isSorted = true

  /** `{[1,8),[12,13)}` */
  add(ranges: string, act: string): void {
    for (const [, first = "", end = ""] of ranges.matchAll(/\[(\d+),(\d+)\)/g)) {
      this.#ranges.push({ first: Number(first), last: Number(end) - 1, act })
    }
    this.#isSorted = false
  }

  /** The act, or undefined. */
  at(seq: number): string | undefined {
    if (!this.#isSorted) {
      this.#ranges.sort((a, b) => a.first - b.first)
      this.#isSorted = true
    }
    let [low, high] = [0, this.#ranges.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#ranges[middle]?.last ?? 0) < seq) low = middle + 1
      else high = middle
    }
    const found = this.#ranges[low]
    return found !== undefined && found.first <= seq ? found.act : undefined
  }
}

export class Lane {
  /** As COPY writes it, a character a byte. */
  readonly organization: string
  readonly number: number
  /** seq of the backup's head: what is beyond was appended since. */
  head = 0
  readonly blocks = new Map<number, Block>()
  purged: Since | undefined
  restored: Since | undefined
  appended = 0
  /** Events of either side that were explained in one of these ways. */
  explained = 0
  differ = 0

  constructor(organization: string, number: number) {
    this.organization = organization
    this.number = number
  }

  block(seq: number): Block {
    const number = Math.floor(seq / blockSize)
    let block = this.blocks.get(number)
    if (block === undefined) {
      block = { sum: new Uint32Array(words), backup: 0, log: 0, files: [], seen: undefined, matched: 0 }
      this.blocks.set(number, block)
    }
    return block
  }
}

export const isEqual = ({ sum, backup, log }: Block): boolean =>
  backup === log && sum.every((word) => word === 0)

/** Whether the place was seen before; remembers it. */
export function see(block: Block, seq: number): boolean {
  const at = seq % blockSize
  block.seen ??= new Uint8Array(blockSize / 8)
  const byte = block.seen[at >> 3] ?? 0
  const bit = 1 << (at & 7)
  block.seen[at >> 3] = byte | bit
  return (byte & bit) !== 0
}

export const wasSeen = ({ seen }: Block, seq: number): boolean => {
  const at = seq % blockSize
  return seen !== undefined && ((seen[at >> 3] ?? 0) & (1 << (at & 7))) !== 0
}

export class Lanes {
  readonly #organizations = new Map<string, Map<number, Lane>>()
  #scratch = Buffer.allocUnsafeSlow(64 * 1024)

  constructor() {
    crypto.randomFillSync(this.#scratch, 0, keyLength)
  }

  of(organization: string, number: number): Lane {
    let lanes = this.#organizations.get(organization)
    if (lanes === undefined) {
      lanes = new Map()
      this.#organizations.set(organization, lanes)
    }
    let lane = lanes.get(number)
    if (lane === undefined) {
      lane = new Lane(organization, number)
      lanes.set(number, lane)
    }
    return lane
  }

  *[Symbol.iterator](): Generator<Lane> {
    for (const lanes of this.#organizations.values()) yield* lanes.values()
  }

  /** Takes a line, without its line feed, into the sum of its block. */
  add(block: Block, side: "backup" | "log", bytes: Buffer, start: number, end: number): void {
    const length = keyLength + end - start
    if (length > this.#scratch.length) {
      const larger = Buffer.allocUnsafeSlow(length * 2)
      this.#scratch.copy(larger, 0, 0, keyLength)
      this.#scratch = larger
    }
    bytes.copy(this.#scratch, keyLength, start, end)
    const digest = crypto.hash("sha256", this.#scratch.subarray(0, length), "buffer")
    const { sum } = block
    block[side] += 1
    // The elements of the array take each sum modulo 2^32.
    for (let word = 0; word < words; word += 1) {
      const value = digest.readUInt32LE(word * 4)
      sum[word] = side === "log" ? (sum[word] as number) + value : (sum[word] as number) - value
    }
  }
}
