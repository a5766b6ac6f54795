// Which stretches of doubtful chains are sound for all that: of a chain of millions of events, only what is around a fault has to be put in order.
import { Chains } from "../verify/chains.js"
import type { LogTables } from "../verify/log-tables.js"
import type { Purges } from "../verify/purges.js"
import { type EventFiles, eachEvent } from "./verify-each.js"
import type { DoubtfulLane } from "./verify-walk.js"

/** From one event to another, both included, everything between them is there once, sound, and follows what is before it. */
export interface Stretch {
  readonly first: number
  readonly last: number
}

interface Ends {
  readonly at: number
  first: number
  previous: string
  last: number
  hash: string
}

/** Beyond that many nobody made the places of these events in order: then none are told. */
const mostBlocks = 100_000

export class Stretches {
  readonly #places: number
  readonly #found = new Map<string, Stretch>()

  constructor(places: number) {
    this.#places = places
  }

  block(at: number, seq: number): string {
    return `${at} ${Math.floor(seq / this.#places)}`
  }

  /** `at`: of the chain, among those that are read again. */
  of(at: number, seq: number): Stretch | undefined {
    return this.#found.size === 0 ? undefined : this.#found.get(this.block(at, seq))
  }

  set(block: string, stretch: Stretch): void {
    this.#found.set(block, stretch)
  }
}

/** `places`: how many stand in a block that is judged together, by a keyed sum as in verify/chains.ts. */
export async function findStretches(
  files: EventFiles & { readonly log: LogTables; readonly purges: Purges },
  lanes: readonly DoubtfulLane[],
  places: number,
): Promise<Stretches> {
  const stretches = new Stretches(places)
  const sums = new Chains(files.job.key)
  const blocks = new Map<string, Ends>()
  // Where an entry of a redaction may be of an event that says nothing of it, each has to be looked at.
  const chains = new Map(
    lanes.flatMap(({ chain, isRedactedAsTold }, at) => (isRedactedAsTold ? [[chain, at]] : [])),
  )
  await eachEvent(files, chains, (row) => {
    const at = chains.get(row.chain)
    if (at === undefined || blocks.size > mostBlocks) return
    const { seq, previous, hash } = row
    const chain = stretches.block(at, seq)
    sums.add({ ...row, chain })
    const ends = blocks.get(chain)
    if (ends === undefined) blocks.set(chain, { at, first: seq, previous, last: seq, hash })
    else {
      if (seq < ends.first) Object.assign(ends, { first: seq, previous })
      if (seq > ends.last) Object.assign(ends, { last: seq, hash })
    }
  })
  if (blocks.size > mostBlocks) return stretches
  sums.finish()
  let of = -1
  let purged = await purgesOf(files, lanes[0])
  const inOrder = [...blocks].sort(([, a], [, b]) => a.at - b.at)
  for (const [block, { at, first, previous, last, hash }] of inOrder) {
    const state = sums.states.get(block)
    const lane = lanes[at]
    if (state === undefined || lane === undefined || last - first < 2) continue
    if (at !== of) {
      of = at
      purged = await purgesOf(files, lane)
    }
    const { watched, start, first: from } = lane.range
    const isKnown = [...watched, ...(start === undefined ? [] : [start])].some(
      ({ seq }) => first <= seq && seq <= last,
    )
    const index = purged.from(first)
    const isPurged = index < purged.length && purged.first(index) <= last
    const closes = sums.closes(state, { seq: first - 1, hash: previous }, { seq: last, hash })
    if (closes && state.redacted === 0 && !isKnown && !isPurged && first >= from) {
      stretches.set(block, { first, last })
    }
  }
  return stretches
}

async function purgesOf({ purges, log }: { purges: Purges; log: LogTables }, lane: DoubtfulLane | undefined) {
  const { organization_id = "", lane: number = "0" } = lane?.range ?? {}
  return await purges.ofLane(log, organization_id, number)
}
