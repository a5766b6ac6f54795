// Counts the events of a gap that another place still has, in whatever order they come, and tells whether they link.
import { createHash, randomBytes } from "node:crypto"
import { genesis, type TextRow } from "../canonical.js"
import type { Gap, OtherGap } from "./explanation.js"
import { fits, hex, isRedacted } from "./fits.js"

const size = 1n << 256n

interface End {
  readonly seq: bigint
  readonly previous: string
  readonly hash: string
}

/** Nothing is kept of an event: a keyed sum closes up exactly when every event follows another, as in verify. */
export class Links {
  readonly #gap: Gap
  readonly #lane: string
  readonly #logIds: readonly string[]
  readonly #key = randomBytes(32)
  #sum = 0n
  #there = 0n
  #fitting = 0n
  #first: End | undefined
  #last: End | undefined

  constructor(gap: Gap, lane: string, logIds: readonly string[]) {
    this.#gap = gap
    this.#lane = lane
    this.#logIds = logIds
  }

  add(row: TextRow): void {
    const end = { seq: BigInt(row.seq ?? "0"), previous: hex(row.previous_hash), hash: hex(row.hash) }
    this.#there += 1n
    // What a digest stands for was not kept: the event is there, its values may be anything.
    if (fits(row) && !isRedacted(row)) this.#fitting += 1n
    this.#sum += this.#term(end.seq, end.hash) - this.#term(end.seq - 1n, end.previous)
    if (this.#first === undefined || end.seq < this.#first.seq) this.#first = end
    if (this.#last === undefined || end.seq > this.#last.seq) this.#last = end
  }

  result(): OtherGap {
    const { first, last } = this.#gap
    const wanted = last === null ? null : String(BigInt(last) - BigInt(first) + 1n)
    if (this.#first === undefined || this.#last === undefined) {
      return {
        state: "absent",
        wanted,
        there: "0",
        fitting: "0",
        first: null,
        last: null,
        linked: null,
        joins_before: null,
        joins_after: null,
      }
    }
    const linked = this.#linked(this.#first, this.#last)
    const joinsBefore = this.#joinsBefore(this.#first)
    const joinsAfter =
      last === null || this.#gap.hash === null || String(this.#last.seq) !== last
        ? null
        : this.#last.hash === this.#gap.hash
    return {
      state: this.#state(linked, joinsBefore, joinsAfter, wanted),
      wanted,
      there: String(this.#there),
      fitting: String(this.#fitting),
      first: String(this.#first.seq),
      last: String(this.#last.seq),
      linked,
      joins_before: joinsBefore,
      joins_after: joinsAfter,
    }
  }

  #state(
    linked: boolean,
    before: boolean | null,
    after: boolean | null,
    wanted: string | null,
  ): OtherGap["state"] {
    const sound = linked && this.#fitting === this.#there && before !== false && after !== false
    if (!sound) return "doubtful"
    // Only what the live log goes on from is proven: a chain that starts where ours does may have been written today.
    if (after === true && wanted === String(this.#there)) return "original"
    return wanted === null || wanted === String(this.#there) ? "whole" : "part"
  }

  #joinsBefore(first: End): boolean | null {
    if (String(first.seq) !== this.#gap.first) return null
    const allowed =
      this.#gap.first === "1"
        ? this.#logIds.map((id) => genesis(id, this.#gap.organization_id, this.#lane).toString("hex"))
        : this.#gap.previous
    return allowed.length === 0 ? null : allowed.includes(first.previous)
  }

  #linked(first: End, last: End): boolean {
    const closed = this.#term(last.seq, last.hash) - this.#term(first.seq - 1n, first.previous)
    return this.#there === last.seq - first.seq + 1n && (this.#sum - closed) % size === 0n
  }

  #term(seq: bigint, hash: string): bigint {
    const digest = createHash("sha256").update(this.#key).update(`${seq}/${hash}`).digest("hex")
    return BigInt(`0x${digest}`)
  }
}
