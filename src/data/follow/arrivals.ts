// Puts the events of many lanes in the order in which they arrived: each lane in its own order, and between lanes by the time of recording.
import type { Found, Reading } from "./places.js"
import type { Window } from "./statements.js"

/** A lane that is read from one place to another; downwards where `end` is below `start`. */
export interface Strand {
  readonly organization: string
  readonly lane: string
  /** Places after the lower of the two, up to and with the upper. */
  readonly start: bigint
  readonly end: bigint
}

export interface Arrived<S extends Strand> extends Found {
  readonly strand: S
}

interface Reader {
  readonly portion: number
  read(windows: readonly Window[]): Promise<Reading[]>
}

interface Open<S> {
  readonly strand: S
  next: bigint
  /** When the last event that was read was recorded, wanted or not; never goes back within a lane, though a clock may. */
  last: string | undefined
  waiting: { readonly time: string; readonly found: Found }[]
  /** How many places it gets at once: a lane that is asked for more often gets more. */
  share: number
}

/**
 * Events of all strands, in parts that are sorted. An event leaves only when every lane that has more to come has come past its time: memory is one
 * portion, however far behind a lane is. `heard` is told of each reading.
 */
export async function* byArrival<S extends Strand>(
  strands: readonly S[],
  reader: Reader,
  heard: (strand: S, reading: Reading) => void,
): AsyncGenerator<Arrived<S>[]> {
  const isUp = strands.some(({ start, end }) => end > start)
  /** Earlier in the direction of the reading. */
  const before = (a: string, b: string): number => (isUp ? order(a, b) : -order(a, b))
  const share = Math.max(leastShare(reader), Math.trunc(reader.portion / 2 / strands.length))
  const open = new Set(
    strands.map((strand): Open<S> => ({ strand, next: strand.start, last: undefined, waiting: [], share })),
  )
  while (open.size > 0) {
    // A lane that has nothing waiting may hold the others back: those that do so most are read on.
    const empty = [...open].filter(({ waiting, next, strand }) => waiting.length === 0 && next !== strand.end)
    const fresh = empty.filter(({ last }) => last === undefined)
    const slow = empty
      .sort((a, b) => before(a.last ?? "", b.last ?? ""))
      .slice(0, Math.ceil(empty.length / 2))
    const needy = fresh.length > 0 ? fresh : slow
    if (needy.length > 0) await refill(needy, [...open], isUp, reader, heard)
    const horizon = [...open]
      .filter(({ next, strand }) => next !== strand.end)
      .reduce<string | null | undefined>(
        (least, { last }) =>
          last === undefined || least === null
            ? null
            : least === undefined || before(last, least) < 0
              ? last
              : least,
        undefined,
      )
    // A lane of which nothing is known yet.
    if (horizon === null) {
      yield []
      continue
    }
    const ready: { readonly time: string; readonly arrived: Arrived<S> }[] = []
    for (const one of open) {
      const { strand, waiting } = one
      const past = waiting.findIndex(({ time }) => horizon !== undefined && before(time, horizon) > 0)
      for (const { time, found } of waiting.splice(0, past === -1 ? waiting.length : past)) {
        ready.push({ time, arrived: { ...found, strand } })
      }
      if (waiting.length === 0 && one.next === strand.end) open.delete(one)
    }
    ready.sort((a, b) => before(a.time, b.time) || (isUp ? 1 : -1) * compareStrands(a.arrived, b.arrived))
    // Also where nothing is ready, so that whoever waits can give up.
    yield ready.map(({ arrived }) => arrived)
  }
}

/** Where events are not very large, so that many lanes with a few each are read at once. */
const leastShare = ({ portion }: Reader): number => (portion < 200 ? 1 : 4)

async function refill<S extends Strand>(
  needy: readonly Open<S>[],
  open: readonly Open<S>[],
  isUp: boolean,
  reader: Reader,
  heard: (strand: S, reading: Reading) => void,
): Promise<void> {
  // All together never have more than two portions waiting.
  const unfinished = open.filter(({ next, strand }) => next !== strand.end)
  if (unfinished.reduce((sum, one) => sum + one.share, 0) > 2 * reader.portion) {
    for (const one of unfinished) one.share = Math.max(leastShare(reader), Math.trunc(one.share / 2))
  }
  const windows = needy.map((one): Window => {
    const { organization, lane, end } = one.strand
    const places = BigInt(one.share)
    const to = isUp ? least(one.next + places, end) : -least(places - one.next, -end)
    one.share = Math.min(2 * one.share, reader.portion)
    return { organization, lane, after: isUp ? one.next : to, until: isUp ? to : one.next, beyond: end }
  })
  const later = (a: string, b: string | undefined): string =>
    b === undefined || (isUp ? a > b : a < b) ? a : b
  const readings = await reader.read(windows)
  for (const [at, reading] of readings.entries()) {
    const one = needy[at]
    if (one === undefined) continue
    one.next = isUp ? reading.window.until : reading.window.after
    heard(one.strand, reading)
    for (const found of isUp ? reading.found : [...reading.found].reverse()) {
      one.last = later(found.recordedAt, one.last)
      one.waiting.push({ time: one.last, found })
    }
    const end = reading.times?.[isUp ? 1 : 0]
    if (end !== undefined) one.last = later(end, one.last)
  }
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b)
const order = <T extends string | bigint>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0)

function compareStrands<S extends Strand>(a: Arrived<S>, b: Arrived<S>): number {
  return (
    order(a.strand.organization, b.strand.organization) ||
    Number(a.strand.lane) - Number(b.strand.lane) ||
    order(a.seq, b.seq)
  )
}
