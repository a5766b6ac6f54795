// Where an event stands, read from its line of COPY text without cutting all of it.

const tab = 0x09
const backslash = 0x5c
const zero = 0x30
/** \\x and 64 digits, as COPY writes a hash. */
const hashLength = 67
const uuidLength = 36

/** Filled anew by each call of `readPlace`. */
export interface LinePlace {
  /** As COPY writes it, a character a byte. */
  organization: string
  lane: number
  seq: number
  /** Where the fields of the salts and of the two hashes end. */
  saltsEnd: number
  previousEnd: number
  hashEnd: number
}

export const noPlace = (): LinePlace => ({
  organization: "",
  lane: 0,
  seq: 0,
  saltsEnd: 0,
  previousEnd: 0,
  hashEnd: 0,
})

/** The line from `start` to its line feed before `end`. False where it is none of an event. */
export function readPlace(bytes: Buffer, start: number, end: number, place: LinePlace): boolean {
  // From the end: content_digest, identity_digest, hash_version; then fields of one length; then seq and lane.
  let at = end - 1
  for (let fields = 0; fields < 3; fields += 1) {
    do at -= 1
    while (at > start && bytes[at] !== tab)
  }
  const hashEnd = at
  const previousEnd = hashEnd - hashLength - 1
  const saltsEnd = previousEnd - hashLength - 1
  const seqEnd = saltsEnd - 2 * (uuidLength + 1)
  const isEvent =
    seqEnd > start &&
    bytes[previousEnd] === tab &&
    bytes[saltsEnd] === tab &&
    bytes[seqEnd] === tab &&
    bytes[previousEnd + 1] === backslash &&
    bytes[saltsEnd + 1] === backslash
  if (!isEvent) return false
  let seq = 0
  let power = 1
  for (at = seqEnd - 1; at > start && bytes[at] !== tab; at -= 1) {
    seq += ((bytes[at] as number) - zero) * power
    power *= 10
  }
  let lane = 0
  power = 1
  for (at -= 1; at > start && bytes[at] !== tab; at -= 1) {
    lane += ((bytes[at] as number) - zero) * power
    power *= 10
  }
  let from = start
  for (let fields = 0; fields < 4; fields += 1) {
    while (from < at && bytes[from] !== tab) from += 1
    from += 1
  }
  let to = from
  while (to < at && bytes[to] !== tab) to += 1
  if (from >= at || !Number.isSafeInteger(seq) || seq < 1 || !(lane >= 0 && lane <= 32_767)) return false
  place.organization = bytes.toString("latin1", from, to)
  place.lane = lane
  place.seq = seq
  place.saltsEnd = saltsEnd
  place.previousEnd = previousEnd
  place.hashEnd = hashEnd
  return true
}
