// What the live log holds around the places of some findings: the events there and beside them, heads, and the beginnings of lanes.
import type { ClientBase } from "pg"
import { genesis, type TextRow } from "../canonical.js"
import { writeTime } from "../query/columns.js"
import type { RedactionFault } from "../redaction/judge.js"
import { faultsOf } from "../redaction/of-event.js"
import type { RowTrace, Vouched } from "./explanation.js"
import { fits, hex } from "./fits.js"
import { after, before, type EventPlace, eventsAt, placeKey, type StoredEvent } from "./rows.js"

/** What the role may read. */
export interface Rights {
  readonly events: boolean
  readonly heads: boolean
  readonly verifiedHeads: boolean
  readonly commitTimes: boolean
}

interface Head {
  readonly seq: string
  /** Hex. */
  readonly hash: string
}

export async function rightsOf(client: ClientBase): Promise<Rights> {
  const { rows } = await client.query<Record<string, string>>(
    `select has_table_privilege('pgtrail.event', 'select') as events, has_table_privilege('pgtrail.chain_head', 'select') as heads,
       has_table_privilege('pgtrail.verified_head', 'select') as verified, current_setting('track_commit_timestamp') as times`,
  )
  const [row = {}] = rows
  return {
    events: row.events === "t",
    heads: row.heads === "t",
    verifiedHeads: row.verified === "t",
    commitTimes: row.times === "on",
  }
}

/** Every log id that a lane may have begun with. */
export async function logIds(client: ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ log_id: string }>(
    `select log_id from pgtrail.log union select log_id from pgtrail.incarnation
     where has_table_privilege('pgtrail.incarnation', 'select')`,
  )
  return rows.map((row) => row.log_id)
}

const laneKey = (place: { organization_id: string; lane: string }): string =>
  `${place.lane}/${place.organization_id}`

export class Surroundings {
  readonly #logIds: readonly string[]
  #events = new Map<string, StoredEvent[]>()
  #heads = new Map<string, string>()
  #newest = new Map<string, Head>()
  #verified = new Map<string, Head>()
  #commits = new Map<string, string>()
  #faults: ReadonlyMap<TextRow, readonly RedactionFault[]> | undefined

  constructor(logIds: readonly string[]) {
    this.#logIds = logIds
  }

  async load(client: ClientBase, rights: Rights, places: readonly EventPlace[]): Promise<void> {
    const around = places.flatMap((place) => [before(place), place, after(place)])
    if (rights.events) {
      this.#events = await eventsAt(client, around)
      const own = places.flatMap((place) => this.events(place)).map(({ row }) => row)
      this.#faults = await faultsOf(client, [...new Set(own)])
    }
    const values = [
      around.map((place) => place.organization_id),
      around.map((place) => place.lane),
      around.map((place) => place.seq),
    ]
    const at = "unnest($1::text[], $2::smallint[], $3::bigint[]) p (organization_id, lane, seq)"
    const own = "h.organization_id = p.organization_id and h.lane = p.lane"
    type Row = EventPlace & { hash: string }
    const read = async (sql: string, keyOf: (row: Row) => string): Promise<[string, Row][]> =>
      (await client.query<Row>(sql, values)).rows.map((row) => [keyOf(row), row])
    const columns = "h.organization_id, h.lane, h.seq, encode(h.hash, 'hex') as hash"
    if (rights.heads) {
      const heads = await read(
        `select ${columns} from ${at} join pgtrail.chain_head h on ${own} and h.seq = p.seq`,
        placeKey,
      )
      this.#heads = new Map(heads.map(([key, row]) => [key, row.hash]))
      this.#newest = new Map(
        await read(
          `select h.* from (select distinct p.organization_id, p.lane from ${at}) p cross join lateral (
             select ${columns} from pgtrail.chain_head h where ${own} order by h.seq desc limit 1) h`,
          laneKey,
        ),
      )
    }
    if (rights.verifiedHeads) {
      const sql = `select distinct ${columns} from ${at} join pgtrail.verified_head h on ${own}`
      this.#verified = new Map(await read(sql, laneKey))
    }
    if (rights.commitTimes) this.#commits = await this.#commitTimes(client)
  }

  async #commitTimes(client: ClientBase): Promise<Map<string, string>> {
    const ids = new Set([...this.#events.values()].flat().map(({ xmin }) => xmin))
    const { rows } = await client.query<{ xmin: string; time: string | null }>(
      "select x as xmin, pg_xact_commit_timestamp(x) as time from unnest($1::xid[]) x",
      [[...ids]],
    )
    return new Map(rows.flatMap(({ xmin, time }) => (time === null ? [] : [[xmin, writeTime(time)]])))
  }

  events(place: EventPlace): readonly StoredEvent[] {
    return this.#events.get(placeKey(place)) ?? []
  }

  /** What is wrong with the redacted groups of an event at one of the places; undefined where this role may not know. */
  faults(row: TextRow): readonly RedactionFault[] | undefined {
    return this.#faults === undefined ? undefined : (this.#faults.get(row) ?? [])
  }

  /** The event of a place that hashes to what is stored with it, or else any. */
  event(place: EventPlace): StoredEvent | undefined {
    const found = this.events(place)
    return found.find(({ row }) => fits(row)) ?? found[0]
  }

  neighbours(place: EventPlace): TextRow[] {
    return [this.event(before(place)), this.event(after(place))].flatMap((event) =>
      event === undefined ? [] : [event.row],
    )
  }

  newestHead(place: { organization_id: string; lane: string }): Head | undefined {
    return this.#newest.get(laneKey(place))
  }

  verifiedHead(place: { organization_id: string; lane: string }): Head | undefined {
    return this.#verified.get(laneKey(place))
  }

  /** Hashes that the event of a place may be chained to, best first; hex. */
  previousHashes(place: EventPlace): string[] {
    if (place.seq === "1")
      return this.#logIds.map((id) => genesis(id, place.organization_id, place.lane).toString("hex"))
    const hashes = this.events(before(place)).map(({ row }) => hex(row.hash))
    const head = this.#heads.get(placeKey(before(place)))
    return [...new Set(head === undefined ? hashes : [...hashes, head])]
  }

  /** The hash that the log holds for a place elsewhere than in its event. What is hardest to rewrite counts first. */
  vouched(place: EventPlace): Vouched | undefined {
    const verified = this.verifiedHead(place)
    if (verified?.seq === place.seq) return { hash: verified.hash, by: "the last whole verification" }
    const following = after(place)
    const next = this.events(following)
    const sound = next.find(({ row }) => fits(row))
    if (sound !== undefined) return { hash: hex(sound.row.previous_hash), by: `event ${following.seq}` }
    const head = this.#heads.get(placeKey(place))
    if (head !== undefined) return { hash: head, by: "the head of its chain" }
    const [altered] = next
    if (altered === undefined) return undefined
    return { hash: hex(altered.row.previous_hash), by: `event ${following.seq}, which is altered itself` }
  }

  trace(place: EventPlace, event: StoredEvent): RowTrace {
    const next = this.event(after(place))
    return {
      place: `${place.organization_id}/${place.lane}/${place.seq}`,
      partition: event.partition,
      ctid: event.ctid,
      xmin: event.xmin,
      commit_time: this.#commits.get(event.xmin) ?? null,
      written_later: next === undefined ? null : isLater(event.xmin, next.xmin),
    }
  }
}

/** Transaction ids go round: half of them are before, half after. */
export function isLater(xmin: string, than: string): boolean {
  return ((Number.parseInt(xmin, 10) - Number.parseInt(than, 10)) | 0) > 0
}
