// Where a run begins, found on its first connection: at a cursor, at the newest events, at what was verified last, or at what comes from now on.
import type { EventFilter } from "../query/criteria.js"
import { Checker } from "./check.js"
import { type LaneHead, laneKey } from "./heads.js"
import type { FollowLink } from "./link.js"
import type { FollowOptions } from "./options.js"
import { type Position, type Positions, readCursor, requireSame } from "./positions.js"
import { beforeNewest, verifiedHeads } from "./start.js"

export interface Beginning {
  readonly logId: string
  readonly positions: Map<string, Position>
  /** Events up to here are checked, and not printed. */
  readonly silent: Positions
  readonly checker: Checker | undefined
  /** What is read first: up to here. */
  readonly heads: ReadonlyMap<string, LaneHead>
}

/** The organizations that a filter names; undefined: all. */
export function namesOf({ organization }: EventFilter): readonly string[] | undefined {
  const names = [organization ?? []].flat()
  return names.length === 0 ? undefined : [...new Set(names)]
}

export async function begin(link: FollowLink, options: FollowOptions, question: string): Promise<Beginning> {
  const { from, verify = false, tell = () => undefined } = options
  const { logIds, mayCompare } = link.facts
  const organizations = namesOf(link.filter)
  const cursor = typeof from === "object" && "cursor" in from ? readCursor(from.cursor) : undefined
  if (typeof from === "object" && "cursor" in from) requireSame(cursor, logIds, question, from.name)
  const verified = verify && mayCompare ? await verifiedHeads(link.client) : undefined
  const watched = within(verified, organizations)
  const heads = (await link.news(organizations)) ?? new Map<string, LaneHead>()

  let silent: Positions = new Map()
  let positions: Positions = new Map()
  if (cursor !== undefined) positions = within(cursor.positions, organizations)
  else if (typeof from === "object" && "newest" in from) {
    const reader = link.readerOf({ filter: link.filter, columns: [], isWhole: false })
    await link.refreshSegments(reader)
    const newest = await beforeNewest(reader, heads, from.newest, from.lookBack)
    silent = newest.positions
    if (!newest.isWhole)
      tell(`only the newest ${from.lookBack} events were looked through: pgtrail query finds older ones`)
    positions = verified === undefined ? silent : lower(silent, watched)
    if (verify && verified === undefined)
      tell("nothing tells what was verified: what came before is taken as it stands")
  } else if (from === undefined) {
    positions = verify && mayCompare ? watched : heads
    if (verify && !mayCompare) {
      tell(
        `this role may not read what was verified: what came before is taken as it stands${link.facts.purges ? ", and so are records of purges" : ""}`,
      )
    } else if (verify && verified === undefined) {
      tell("no verification is recorded: everything is checked, from the beginning")
    }
  }
  const checker = verify ? new Checker(logIds, positions, watched) : undefined
  return { logId: logIds.at(-1) ?? "", positions: new Map(positions), silent, checker, heads }
}

function within(positions: Positions | undefined, organizations: readonly string[] | undefined): Positions {
  const asked = [...(positions ?? [])].filter(
    ([, { organization }]) => organizations === undefined || organizations.includes(organization),
  )
  return new Map(asked)
}

/** Of each lane the earlier place: everything that was not verified is checked. */
function lower(newest: Positions, verified: Positions): Positions {
  const all = new Map(verified)
  for (const position of newest.values()) {
    const key = laneKey(position.organization, position.lane)
    const known = verified.get(key)
    if (known !== undefined && position.seq < known.seq) all.set(key, position)
  }
  return all
}
