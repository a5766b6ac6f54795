// What passes of each lane, in whatever order: how many events, the first and the last, and what is missing between them.
import { randomBytes } from "node:crypto"
import { Chains } from "../verify/chains.js"

/** Where an event stands in the files: number of the file from 0, and line. */
export interface Spot {
  readonly file: number
  readonly line: number
}

/** Events that follow one another by seq and by hash. */
export interface Run {
  readonly first: number
  last: number
  previous: string
  hash: string
  readonly firstAt: Spot
  lastAt: Spot
}

export interface Lane {
  readonly organization: string
  readonly lane: string
  events: number
  first: number
  /** Hex, as all hashes here: previous_hash of the first event, its hash, and that of the last. */
  firstPrevious: string
  firstHash: string
  last: number
  lastHash: string
  /** In the order of places; undefined where there were too many, or nobody follows the links. */
  runs: Run[] | undefined
  /** With too many runs: whether the lane has every event from first to last, each after the one before. */
  closes: boolean
}

interface State extends Lane {
  current: Run | undefined
  /** The runs but the current one, by their two ends. */
  readonly byFirst: Map<number, Run>
  readonly byLast: Map<number, Run>
  /** Of events at a place that was taken: told as runs of their own. */
  readonly doubled: Run[]
  folded: bigint | undefined
}

/** Some 10 MB. Beyond that every run becomes a term of a keyed sum, as in verify, and no place is named. */
const mostRuns = 20_000
const mask = (1n << 128n) - 1n

/** A copy: what was cut out of the text of a row would keep all of it. */
const alone = (hex: string): string => Buffer.from(hex, "latin1").toString("latin1")

export class Lanes {
  readonly #states = new Map<string, State>()
  readonly #sums = new Chains(randomBytes(32))
  readonly #most: number
  #isChained: boolean
  #runs = 0

  /** `isChained`: links are followed, because the events of a lane should be all there. */
  constructor(isChained: boolean, most = mostRuns) {
    this.#isChained = isChained
    this.#most = most
  }

  /** The state of a lane by any key that is its own; `names` is asked once. */
  lane(key: string, names: () => readonly [organization: string, lane: string]): State {
    const known = this.#states.get(key)
    if (known !== undefined) return known
    const [organization, lane] = names()
    const state: State = {
      organization,
      lane,
      events: 0,
      first: Number.POSITIVE_INFINITY,
      firstPrevious: "",
      firstHash: "",
      last: -1,
      lastHash: "",
      runs: undefined,
      closes: false,
      current: undefined,
      byFirst: new Map(),
      byLast: new Map(),
      doubled: [],
      folded: undefined,
    }
    this.#states.set(key, state)
    return state
  }

  add(state: State, seq: number, previous: string, hash: string, at: Spot): void {
    state.events += 1
    if (seq < state.first) {
      state.first = seq
      state.firstPrevious = previous
      state.firstHash = hash
    }
    if (seq > state.last) {
      state.last = seq
      state.lastHash = hash
    }
    if (!this.#isChained) return
    const { current } = state
    if (current !== undefined && seq === current.last + 1 && previous === current.hash) {
      current.last = seq
      current.hash = hash
      current.lastAt = at
      if (state.byFirst.size > 0) this.#join(state, current)
      return
    }
    this.#turn(state, { first: seq, last: seq, previous, hash, firstAt: at, lastAt: at })
  }

  /** Puts the current run aside, and goes on with the one that the new event extends, or with a new one. */
  #turn(state: State, run: Run): void {
    const { current, byFirst, byLast } = state
    state.current = undefined
    if (state.folded !== undefined) {
      if (current !== undefined) this.#fold(state, current)
      state.current = run
      return
    }
    if (current !== undefined) {
      if (byFirst.has(current.first) || byLast.has(current.last)) state.doubled.push(current)
      else {
        current.previous = alone(current.previous)
        current.hash = alone(current.hash)
        byFirst.set(current.first, current)
        byLast.set(current.last, current)
      }
    }
    const before = byLast.get(run.first - 1)
    if (before !== undefined && before.hash === run.previous) {
      byLast.delete(before.last)
      byFirst.delete(before.first)
      before.last = run.last
      before.hash = run.hash
      before.lastAt = run.lastAt
      state.current = before
    } else {
      state.current = run
      this.#runs += 1
      if (this.#runs > this.#most) this.#foldAll()
    }
    if (byFirst.size > 0) this.#join(state, state.current)
  }

  /** The run that begins where this one ends becomes a part of it. */
  #join({ byFirst, byLast }: State, run: Run): void {
    const next = byFirst.get(run.last + 1)
    if (next === undefined || next.previous !== run.hash) return
    byFirst.delete(next.first)
    byLast.delete(next.last)
    run.last = next.last
    run.hash = next.hash
    run.lastAt = next.lastAt
    this.#runs -= 1
  }

  #foldAll(): void {
    for (const state of this.#states.values()) {
      state.folded ??= 0n
      for (const run of [...state.byFirst.values(), ...state.doubled]) this.#fold(state, run)
      state.byFirst.clear()
      state.byLast.clear()
      state.doubled.length = 0
    }
    this.#runs = 0
  }

  #fold(state: State, { first, last, previous, hash }: Run): void {
    state.folded = ((state.folded ?? 0n) + this.#term(last, hash) - this.#term(first - 1, previous)) & mask
  }

  #term(seq: number, hash: string): bigint {
    return this.#sums.link(seq, Buffer.from(hash, "hex").toString("latin1"))
  }

  /** In the order of bytes of the organization, then of lane. Called once, at the end. */
  finish(): Lane[] {
    for (const state of this.#states.values()) {
      if (!this.#isChained) continue
      if (state.folded === undefined) {
        const rest = state.current === undefined ? [] : [state.current]
        const all = [...state.byFirst.values(), ...state.doubled, ...rest]
        state.runs = all.sort((a, b) => a.first - b.first || a.last - b.last)
        state.closes = state.runs.length === 1
        continue
      }
      if (state.current !== undefined) this.#fold(state, state.current)
      const whole = this.#term(state.last, state.lastHash) - this.#term(state.first - 1, state.firstPrevious)
      state.closes = state.events === state.last - state.first + 1 && state.folded === (whole & mask)
    }
    return [...this.#states.values()].sort(
      (a, b) =>
        Buffer.compare(Buffer.from(a.organization), Buffer.from(b.organization)) ||
        Number.parseInt(a.lane, 10) - Number.parseInt(b.lane, 10),
    )
  }
}
