// Reads places of lanes by the primary key, segment by segment, until all are found: an event that came late stands in an older partition.
import type { ClientBase } from "pg"
import { writeTime } from "../query/columns.js"
import { openEvents, type Source } from "../query/source.js"
import type { Period } from "../query/time.js"
import {
  nextStatement,
  purgedStatement,
  type ReaderOptions,
  readStatement,
  type Window,
  windowValues,
} from "./statements.js"

export type Raw = Record<string, string | null>

export interface Found {
  readonly seq: bigint
  /** recorded_at as text that sorts. */
  readonly recordedAt: string
  /** `\x` hex. */
  readonly hash: string
  readonly previous: string
  /** The columns that were asked for, as Postgres wrote them. */
  readonly raw: Raw
  /** Whether the filter wants it: others are read only where all are. */
  readonly matches: boolean
}

export interface Reading {
  /** In the order of seq. */
  readonly found: readonly Found[]
  /** What was read: the window, or more where nothing at all stood in it. */
  readonly window: Window
  /** Places that are not there, though no purge says that it took them; 0 where this role cannot know, or where not all was looked at. */
  readonly missing: bigint
  /** When the first and the last of its places were recorded, wanted or not; undefined where it has none. */
  readonly times: readonly [oldest: string, newest: string] | undefined
  /** A hash that the first place of the window is chained to; undefined where that place is not there. */
  readonly link: string | undefined
}

interface Open {
  readonly at: number
  window: Window
  expected: bigint
  readonly found: Found[]
  places: bigint
  times: Reading["times"]
  link: string | undefined
}

/** Statements for one connection. `segments` change while a log is followed: the next poll brings them anew. */
export class PlaceReader {
  readonly #client: ClientBase
  #options: ReaderOptions
  #segments: readonly Period[] = []
  /** Where the last reading found something, the most useful first. */
  #hot: string[] = []
  /** Characters and places that were read so far: how large the next portion may be. An event may have a megabyte, so it begins small. */
  #characters = 500_000
  #places = 100

  constructor(client: ClientBase, options: ReaderOptions) {
    this.#client = client
    this.#options = options
  }

  set segments(segments: readonly Period[]) {
    this.#segments = segments
  }

  /** A restriction hides from when it is placed. */
  set source(source: Source) {
    this.#options = { ...this.#options, source }
  }

  /** How many places one portion should have, so that its text has about a megabyte. */
  get portion(): number {
    return Math.max(20, Math.min(20_000, Math.trunc((1_000_000 * this.#places) / this.#characters)))
  }

  async read(windows: readonly Window[]): Promise<Reading[]> {
    const all = windows.map(
      (window, at): Open => ({
        at,
        window,
        expected: window.until - window.after,
        found: [],
        places: 0n,
        times: undefined,
        link: undefined,
      }),
    )
    let open: readonly Open[] = all
    const hits = new Map<string, number>()
    const segments = this.#ordered()
    const asksPurgesAfter = Math.max(1, this.#hot.length)
    for (const [at, segment] of segments.entries()) {
      if (at === asksPurgesAfter && this.#knowsAll) await this.#subtractPurged(open)
      open = open.filter(({ places, expected }) => places < expected)
      if (open.length === 0) break
      const count = await this.#readSegment(open, segment)
      if (count > 0) hits.set(keyOf(segment), count)
    }
    if (hits.size > 0) this.#hot = [...hits].sort(([, a], [, b]) => b - a).map(([key]) => key)
    if (this.#knowsAll && segments.length <= asksPurgesAfter) await this.#subtractPurged(open)
    await this.#leap(all.filter(({ places, expected }) => places === 0n && expected > 0n))
    this.#measure(all)
    return all.map(({ found, window, expected, places, times, link }) => ({
      // Of several segments each has its own order.
      found: found.sort((a, b) => (a.seq < b.seq ? -1 : a.seq > b.seq ? 1 : 0)),
      window,
      missing: this.#knowsAll && expected > places ? expected - places : 0n,
      times,
      link,
    }))
  }

  /** A reading within a time does not look at the other events, and cannot tell what is missing. */
  get #knowsAll(): boolean {
    const { filter, isWhole, knowsPurges, source } = this.#options
    return (
      knowsPurges &&
      source !== openEvents &&
      (isWhole || (filter.since === undefined && filter.until === undefined))
    )
  }

  #ordered(): Period[] {
    const rank = (segment: Period) => {
      const at = this.#hot.indexOf(keyOf(segment))
      return at === -1 ? this.#hot.length : at
    }
    return [...this.#segments].sort((a, b) => rank(a) - rank(b))
  }

  /** Gives how many events it found. */
  async #readSegment(open: readonly Open[], segment: Period): Promise<number> {
    const { text, params } = readStatement(segment, this.#options)
    const values = [...windowValues(open.map(({ window }) => window)), ...params]
    const { rows } = await this.#client.query<Raw>(text, values)
    const seen = new Set<Open>()
    for (const row of rows) {
      const one = open[Number(row.window_at) - 1]
      if (one === undefined) continue
      // Told by each row alike.
      if (row.window_places != null && !seen.has(one)) {
        seen.add(one)
        one.places += BigInt(row.window_places)
        one.link ??= row.window_link ?? undefined
        spread(one, writeTime(row.window_oldest ?? ""), writeTime(row.window_newest ?? ""))
      }
      if (row.seq == null) continue
      const found = foundIn(row)
      one.found.push(found)
      if (row.window_places != null) continue
      one.places += 1n
      spread(one, found.recordedAt, found.recordedAt)
      if (found.seq === one.window.after + 1n) one.link ??= found.previous
    }
    return rows.length
  }

  /** What purges took out of windows is not looked for in every partition. */
  async #subtractPurged(open: readonly Open[]): Promise<void> {
    const wanting = open.filter(({ places, expected }) => places < expected)
    if (wanting.length === 0) return
    const { rows } = await this.#client.query<{ at: string; places: string }>(
      purgedStatement,
      windowValues(wanting.map(({ window }) => window)),
    )
    for (const { at, places } of rows) {
      const one = wanting[Number(at) - 1]
      if (one !== undefined) one.expected = one.window.until - one.window.after - BigInt(places)
    }
  }

  /** Widens windows in which nothing stands to the next event of their lanes: millions may be gone. */
  async #leap(empty: readonly Open[]): Promise<void> {
    const up = empty.filter(({ window }) => window.beyond > window.until)
    const down = empty.filter(({ window }) => window.beyond < window.after)
    for (const [windows, isUp] of [
      [up, true],
      [down, false],
    ] as const) {
      if (windows.length === 0) continue
      const next = await this.#nextPlaces(windows, isUp)
      for (const one of windows) {
        const { window } = one
        const seq = next.get(one)
        const until = isUp ? (seq === undefined ? window.beyond : seq - 1n) : window.until
        const after = isUp ? window.after : (seq ?? window.beyond)
        one.window = { ...window, after, until }
        one.expected = until - after
      }
      if (this.#knowsAll) await this.#subtractPurged(windows)
    }
  }

  async #nextPlaces(open: readonly Open[], isUp: boolean): Promise<Map<Open, bigint>> {
    const next = new Map<Open, bigint>()
    const ranges = open.map(({ window }) =>
      isUp
        ? { ...window, after: window.until, until: window.beyond }
        : { ...window, after: window.beyond, until: window.after },
    )
    for (const segment of this.#segments) {
      const { text, params } = nextStatement(segment, this.#options.source, isUp)
      const { rows } = await this.#client.query<{ at: string; seq: string | null }>(text, [
        ...windowValues(ranges),
        ...params,
      ])
      for (const { at, seq } of rows) {
        const one = open[Number(at) - 1]
        if (one === undefined || seq === null) continue
        const known = next.get(one)
        if (known === undefined || BigInt(seq) < known === isUp) next.set(one, BigInt(seq))
      }
    }
    return next
  }

  #measure(all: readonly Open[]): void {
    let [characters, places] = [0, 0n]
    for (const one of all) {
      places += one.window.until - one.window.after
      for (const { raw } of one.found) for (const column in raw) characters += raw[column]?.length ?? 0
    }
    // What was read last says most about what comes.
    this.#characters = this.#characters / 2 + characters + 100
    this.#places = this.#places / 2 + Math.min(Number(places), 100_000)
  }
}

function spread(one: Open, oldest: string, newest: string): void {
  const [first, last] = one.times ?? [oldest, newest]
  one.times = [oldest < first ? oldest : first, newest > last ? newest : last]
}

const foundIn = (row: Raw): Found => ({
  seq: BigInt(row.seq ?? "0"),
  recordedAt: writeTime(row.recorded_at ?? ""),
  hash: row.hash ?? "",
  previous: row.previous_hash ?? "",
  raw: row,
  matches: row.matches === "t",
})

const keyOf = ({ since = "", until = "" }: Period): string => `${since} ${until}`
