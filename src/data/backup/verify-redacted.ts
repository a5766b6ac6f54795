// Judges redacted events of a backup against the entries of their redactions: both in the order of places, so that nothing is looked for.
import type { Entry, GroupName } from "../redaction/entry.js"
import { judgeGroups, type PresentGroup, type RedactionFault } from "../redaction/judge.js"
import type { EntryRow } from "../verify/log-tables.js"
import { chainOf } from "../verify/row.js"

/** Whose events and places are judged; organizations as their bytes. */
export interface PlacedGroups {
  readonly chain: string
  readonly seq: number
  readonly groups: readonly PresentGroup[]
}

interface Place {
  readonly organization: string
  readonly lane: number
  readonly seq: number
}

/** Organizations by their bytes, as the files have them. */
export function comparePlaces(a: Place, b: Place): number {
  if (a.organization !== b.organization) return a.organization < b.organization ? -1 : 1
  return a.lane - b.lane || a.seq - b.seq
}

/** Of a chain key: its organization as bytes. */
export function laneOf(chain: string): { readonly organization: string; readonly lane: number } {
  const lane = Number(chainOf(chain).lane)
  return { organization: chain.slice(0, -10), lane }
}

const namesOf: readonly GroupName[] = ["identity", "content"]
const unredacted: readonly PresentGroup[] = namesOf.map((group) => ({
  group,
  stored: undefined,
  record: Buffer.alloc(0),
}))

/** `rows` is put in order. `found` is called for each that has a fault; what is not among the rows is passed over. */
export async function judgeRedacted<T extends PlacedGroups>(
  rows: T[],
  entries: AsyncIterable<EntryRow>,
  found: (row: T, faults: readonly RedactionFault[]) => void,
): Promise<void> {
  const lanes = new Map<string, ReturnType<typeof laneOf>>()
  const placeOf = ({ chain, seq }: T): Place => {
    let lane = lanes.get(chain)
    if (lane === undefined) {
      lane = laneOf(chain)
      lanes.set(chain, lane)
    }
    return { ...lane, seq }
  }
  rows.sort((a, b) => (a.chain === b.chain ? a.seq - b.seq : comparePlaces(placeOf(a), placeOf(b))))
  const [first, last] = [rows[0], rows.at(-1)]
  if (first === undefined || last === undefined) return
  const [from, to] = [placeOf(first), placeOf(last)]
  let at = 0
  const judge = (row: T, own: readonly Entry[]): void => {
    const { organization, lane } = chainOf(row.chain)
    const faults = judgeGroups(row.groups.length === 0 ? unredacted : row.groups, own, () => ({
      organization,
      lane,
      seq: String(row.seq),
    }))
    if (faults.length > 0) found(row, faults)
  }
  const pass = (place: Place | undefined, own: readonly Entry[]): void => {
    for (let row = rows[at]; row !== undefined; row = rows[++at]) {
      const side = place === undefined ? -1 : comparePlaces(placeOf(row), place)
      if (side > 0) return
      judge(row, side === 0 ? own : [])
    }
  }
  let place: Place | undefined
  let own: Entry[] = []
  for await (const { organization, lane, seq, ...entry } of entries) {
    const bytes = Buffer.from(organization).toString("latin1")
    const next = { organization: bytes, lane: Number(lane), seq: Number(seq) }
    if (comparePlaces(next, from) < 0) continue
    if (place === undefined || comparePlaces(place, next) !== 0) {
      if (place !== undefined) pass(place, own)
      own = []
      place = next
    }
    if (comparePlaces(next, to) > 0) break
    own.push(entry)
  }
  if (place !== undefined && own.length > 0) pass(place, own)
  pass(undefined, [])
}
