// What one pass over the events, in any order, leaves of each chain: a keyed sum that is right only if the links close up.
import * as crypto from "node:crypto"
import type { GroupName } from "../redaction/entry.js"
import type { Row } from "./row.js"
import type { Head } from "./walk-range.js"

/**
 * The state of one chain. While rows follow one another they extend a run, which costs a comparison; when a run ends, what it
 * adds is f(last seq, last hash) - f(first seq - 1, its previous hash). Over a whole chain everything cancels but
 * f(head) - f(0, genesis). f is keyed with a key drawn for this verification, so nobody can prepare rows that cancel.
 * Memory is one state a chain, whatever the order in which events arrived.
 */
export interface ChainState {
  readonly chain: string
  events: number
  /** Events of which a group was redacted. */
  redacted: number
  redactedIdentity: number
  redactedContent: number
  /** Something about a row of it is wrong by itself: it is read again in order. */
  dirty: boolean
  sum: bigint
  /** Sum of a keyed number of each redacted group: that of the entries, where no other group has any. */
  redactions: bigint
  runPrevious: string
  runFirst: number
  runLast: number
  runHash: string
  /** The hashes met at places where an anchor knows one; empty until met. */
  watched: Map<number, string> | undefined
}

const mask = (1n << 128n) - 1n
const groupKeys: Readonly<Record<GroupName, string>> = {
  identity: "identity".padEnd(32),
  content: "content".padEnd(32),
}

/** What of an event goes into the sums. */
export type SummedRow = Pick<
  Row,
  | "chain"
  | "seq"
  | "version"
  | "previous"
  | "hash"
  | "computed"
  | "redactedIdentity"
  | "redactedContent"
  | "faults"
>

export class Chains {
  readonly #key: Buffer
  readonly #scratch = Buffer.alloc(72)
  readonly states = new Map<string, ChainState>()
  #last: ChainState | undefined

  /** `key`: 32 random bytes. */
  constructor(key: Uint8Array) {
    this.#key = Buffer.from(key)
    this.#key.copy(this.#scratch)
  }

  state(chain: string): ChainState {
    if (this.#last?.chain === chain) return this.#last
    let state = this.states.get(chain)
    if (state === undefined) {
      state = {
        chain,
        events: 0,
        redacted: 0,
        redactedIdentity: 0,
        redactedContent: 0,
        dirty: false,
        sum: 0n,
        redactions: 0n,
        runPrevious: "",
        runFirst: 0,
        runLast: -1,
        runHash: "",
        watched: undefined,
      }
      this.states.set(chain, state)
    }
    this.#last = state
    return state
  }

  /** Hashes are 32 bytes as latin1, or, where all of a file are so, 64 hex digits. */
  add(row: SummedRow): void {
    const state = this.state(row.chain)
    state.events += 1
    if (row.redactedIdentity || row.redactedContent) {
      state.redacted += 1
      if (row.redactedIdentity) {
        state.redactedIdentity += 1
        state.redactions += this.group(row.seq, "identity")
      }
      if (row.redactedContent) {
        state.redactedContent += 1
        state.redactions += this.group(row.seq, "content")
      }
    }
    if (row.computed !== row.hash || row.version !== 1 || row.faults.length > 0) state.dirty = true
    if (state.watched?.has(row.seq)) state.watched.set(row.seq, row.hash)
    if (row.seq === state.runLast + 1 && row.previous === state.runHash) {
      state.runLast = row.seq
      state.runHash = row.hash
      return
    }
    this.#close(state)
    state.runFirst = row.seq
    state.runPrevious = row.previous
    state.runLast = row.seq
    state.runHash = row.hash
  }

  /** Ends the open runs: called once, when all rows have been added. */
  finish(): void {
    for (const state of this.states.values()) this.#close(state)
  }

  #close(state: ChainState): void {
    if (state.runLast < 0) return
    state.sum =
      (state.sum +
        this.link(state.runLast, state.runHash) -
        this.link(state.runFirst - 1, state.runPrevious)) &
      mask
    state.runLast = -1
  }

  /** f(seq, hash): a keyed 128-bit number. */
  link(seq: number, hash: string): bigint {
    if (hash.length !== 32 && hash.length !== 64) return 0n
    this.#scratch.writeBigInt64BE(BigInt(seq), 32)
    this.#scratch.write(hash, 40, 32, hash.length === 32 ? "latin1" : "hex")
    const digest = Buffer.from(crypto.hash("sha256", this.#scratch, "binary"), "latin1")
    return (digest.readBigUInt64BE(0) << 64n) | digest.readBigUInt64BE(8)
  }

  /** The keyed number of a group of the event at a place. */
  group(seq: number, name: GroupName): bigint {
    return this.link(seq, groupKeys[name])
  }

  /** Whether the events of `state` are exactly one unbroken chain from after `start` to `head`. */
  closes(state: ChainTotals, start: Head, head: Head): boolean {
    return (
      !state.dirty &&
      state.events === head.seq - start.seq &&
      state.sum === ((this.link(head.seq, head.hash) - this.link(start.seq, start.hash)) & mask)
    )
  }
}

/** What a worker hands back for a chain. */
export type ChainTotals = Pick<
  ChainState,
  | "chain"
  | "events"
  | "redacted"
  | "redactedIdentity"
  | "redactedContent"
  | "dirty"
  | "sum"
  | "redactions"
  | "watched"
>

/** Adds what several workers have seen of the same chain. */
export function merge(into: Map<string, ChainTotals>, parts: Iterable<ChainTotals>): void {
  for (const part of parts) {
    const have = into.get(part.chain)
    if (have === undefined) {
      into.set(part.chain, { ...part })
      continue
    }
    into.set(part.chain, {
      chain: part.chain,
      events: have.events + part.events,
      redacted: have.redacted + part.redacted,
      redactedIdentity: have.redactedIdentity + part.redactedIdentity,
      redactedContent: have.redactedContent + part.redactedContent,
      dirty: have.dirty || part.dirty,
      sum: (have.sum + part.sum) & mask,
      redactions: have.redactions + part.redactions,
      watched: mergeWatched(have.watched, part.watched),
    })
  }
}

function mergeWatched(
  a: Map<number, string> | undefined,
  b: Map<number, string> | undefined,
): Map<number, string> | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return new Map([...a].map(([seq, hash]) => [seq, hash || (b.get(seq) ?? "")]))
}
