// Counts different keys of 16 bytes that come in portions: at most 64 bytes for each, where a Set of text takes more than a hundred.

/** Words of 32 bits in a key. */
const width = 4

export class Distinct {
  #slots = new Uint32Array(1024 * width)
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Keys one after another, 32 hex digits each. They are hashes: their first bytes are spread evenly, and none of them is all zeros. */
  add(hex: string): void {
    const bytes = Buffer.from(hex, "hex")
    const key = new Uint32Array(width)
    for (let at = 0; at + 4 * width <= bytes.length; at += 4 * width) {
      for (let word = 0; word < width; word += 1) key[word] = bytes.readUInt32LE(at + 4 * word)
      if (!put(this.#slots, key)) continue
      this.#size += 1
      if (this.#size * 2 * width > this.#slots.length) this.#grow()
    }
  }

  /** All keys one after another, as `add` takes them. */
  hex(): string {
    const bytes = Buffer.alloc(this.#size * 4 * width)
    let end = 0
    for (const key of keysOf(this.#slots)) {
      for (const word of key) end = bytes.writeUInt32LE(word, end)
    }
    return bytes.toString("hex")
  }

  #grow(): void {
    const slots = new Uint32Array(this.#slots.length * 2)
    for (const key of keysOf(this.#slots)) put(slots, key)
    this.#slots = slots
  }
}

const isFree = (slots: Uint32Array, at: number): boolean =>
  slots[at] === 0 && slots[at + 1] === 0 && slots[at + 2] === 0 && slots[at + 3] === 0

function* keysOf(slots: Uint32Array): Generator<Uint32Array> {
  for (let at = 0; at < slots.length; at += width) {
    if (!isFree(slots, at)) yield slots.subarray(at, at + width)
  }
}

/** False where it was there. */
function put(slots: Uint32Array, key: Uint32Array): boolean {
  const count = slots.length / width
  for (let slot = (key[0] ?? 0) % count; ; slot = (slot + 1) % count) {
    const at = slot * width
    if (isFree(slots, at)) {
      slots.set(key, at)
      return true
    }
    if (key.every((word, index) => slots[at + index] === word)) return false
  }
}
