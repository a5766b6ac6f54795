// Where following begins: so many of the newest events, or what the last verification has not seen.
import type { ClientBase } from "pg"
import { headsDigest, recomputeAct, type TextRow } from "../canonical.js"
import { withTransaction } from "../connection.js"
import type { VerifiedHead } from "../verify/acts.js"
import { freshSnapshot } from "../verify/walk-chain.js"
import { byArrival, type Strand } from "./arrivals.js"
import { type LaneHead, laneKey } from "./heads.js"
import type { PlaceReader, Reading } from "./places.js"
import type { Position, Positions } from "./positions.js"
import { broken } from "./refusals.js"

export interface Newest {
  readonly positions: Map<string, Position>
  /** False where so many were not found among those that were looked at. */
  readonly isWhole: boolean
}

/**
 * Positions from which just the newest `count` events follow that the filter of `reader` wants: each lane is read from its head downwards.
 * No further than `lookBack` events, of all lanes together.
 */
export async function beforeNewest(
  reader: PlaceReader,
  heads: ReadonlyMap<string, LaneHead>,
  count: number,
  lookBack = Number.POSITIVE_INFINITY,
): Promise<Newest> {
  const positions = new Map<string, Position>(heads)
  if (count === 0) return { positions, isWhole: true }
  const strands = [...heads.values()]
    .filter(({ seq }) => seq > 0n)
    .map(({ organization, lane, seq }): Strand => ({ organization, lane, start: seq, end: 0n }))
  let left = count
  let looked = 0n
  const heard = (_: Strand, { window, times }: Reading) => {
    // A leap over what is not there costs nothing.
    if (times !== undefined) looked += window.until - window.after
  }
  for await (const events of byArrival(strands, reader, heard)) {
    for (const { strand, seq, previous, matches } of events) {
      if (!matches) continue
      const { organization, lane } = strand
      positions.set(laneKey(organization, lane), { organization, lane, seq: seq - 1n, hash: previous })
      left -= 1
      if (left === 0) return { positions, isWhole: true }
    }
    if (looked > lookBack) return { positions, isWhole: false }
  }
  return { positions, isWhole: true }
}

/** The heads that the last whole verification remembered. Undefined where there was none. Throws `broken` where they are not what its act says. */
export async function verifiedHeads(client: ClientBase): Promise<Positions | undefined> {
  // On one snapshot: another verification may end meanwhile.
  const { act, heads } = await withTransaction(client, freshSnapshot, async () => {
    const acts = await client.query<TextRow>(
      `select * from pgtrail.act
       where organization_id = 'pgtrail' and kind = 'verify' and digest is not null
         and coalesce(parameters ->> 'remembered', '') <> 'false'
       order by seq desc limit 1`,
    )
    const verified = await client.query<VerifiedHead>(
      'select organization_id, lane, seq, hash from pgtrail.verified_head order by organization_id collate "C", lane',
    )
    return { act: acts.rows[0], heads: verified.rows }
  })
  if (act === undefined) return undefined
  if (`\\x${recomputeAct(act)}` !== act.hash) {
    throw broken(`act ${act.seq}, the last verification, was altered: its hash does not fit it`)
  }
  if (`\\x${headsDigest(heads)}` !== act.digest) {
    throw broken(
      `pgtrail.verified_head is not what the last whole verification recorded: its digest differs from that of act ${act.seq}`,
    )
  }
  return new Map(
    heads.map(({ organization_id: organization, lane, seq, hash }) => [
      laneKey(organization, lane),
      { organization, lane, seq: BigInt(seq), hash },
    ]),
  )
}
