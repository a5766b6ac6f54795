// Which events are looked for in another place: single ones, and the ranges that are gone. Asked for every row of a file.
import type { Gap, Wish } from "./explanation.js"
import { type EventPlace, placeKey } from "./rows.js"

export interface GapWish {
  readonly gap: Gap
  /** Of the finding that it belongs to. */
  readonly finding: number
}

interface Range {
  readonly first: bigint
  readonly last: bigint
  readonly wish: GapWish
  /** Largest `last` of all ranges up to this one. */
  reach: bigint
}

const endless = 1n << 62n

export class Wanted {
  /** Findings by the key of their place. */
  readonly #places = new Map<string, number[]>()
  readonly #ranges = new Map<string, Range[]>()
  readonly places: readonly (Wish & { readonly finding: number })[]
  readonly gaps: readonly GapWish[]

  constructor(wishes: readonly (Wish & { readonly finding: number })[], gaps: readonly GapWish[]) {
    this.places = wishes
    this.gaps = gaps
    for (const { place, finding } of wishes) {
      const key = placeKey(place)
      this.#places.set(key, [...(this.#places.get(key) ?? []), finding])
    }
    for (const wish of gaps) {
      const key = rangeKey(wish.gap.organization_id, wish.gap.lane)
      const list = this.#ranges.get(key) ?? []
      const last = wish.gap.last === null ? endless : BigInt(wish.gap.last)
      list.push({ first: BigInt(wish.gap.first), last, wish, reach: last })
      this.#ranges.set(key, list)
    }
    for (const list of this.#ranges.values()) {
      list.sort((a, b) => (a.first < b.first ? -1 : 1))
      let reach = 0n
      for (const range of list) {
        if (range.last > reach) reach = range.last
        range.reach = reach
      }
    }
  }

  /** Findings that look for the event of a place. */
  at(place: EventPlace): readonly number[] {
    return this.#places.get(placeKey(place)) ?? []
  }

  /** Gaps that the event of a place belongs to. */
  inGaps(place: EventPlace): GapWish[] {
    if (this.#ranges.size === 0) return []
    const { organization_id, lane } = place
    const found: GapWish[] = []
    for (const key of [rangeKey(organization_id, lane), rangeKey(organization_id, null)]) {
      const list = this.#ranges.get(key)
      if (list !== undefined && /^\d{1,18}$/.test(place.seq)) found.push(...around(list, BigInt(place.seq)))
    }
    return found
  }

  has(place: EventPlace): boolean {
    return this.at(place).length > 0 || this.inGaps(place).length > 0
  }
}

const rangeKey = (organization: string, lane: string | null): string => `${lane ?? "*"}/${organization}`

/** Ranges that hold `seq`: from the last one that begins at or before it, back as far as any reaches it. */
function around(list: readonly Range[], seq: bigint): GapWish[] {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((list[middle]?.first ?? endless) <= seq) low = middle + 1
    else high = middle
  }
  const found: GapWish[] = []
  for (let at = low - 1; at >= 0; at--) {
    const range = list[at]
    if (range === undefined || range.reach < seq) break
    if (range.last >= seq) found.push(range.wish)
  }
  return found
}
