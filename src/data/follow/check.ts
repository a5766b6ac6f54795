// Checks each event as it passes: its own hash, that it follows what was before it in its lane, and that what is missing was purged.
import type { ClientBase } from "pg"
import { genesis, hashVersion, recompute } from "../canonical.js"
import { TrailError } from "../errors.js"
import { disjoint, LanePurges, readPart } from "../purge/ranges.js"
import { laneRecords } from "../purge/records.js"
import { redactionsOf } from "../redaction/of-event.js"
import { withAllEvents } from "../verify/detached.js"
import { isGone } from "../verify/later-acts.js"
import { type LaneHead, laneKey } from "./heads.js"
import type { Found } from "./places.js"
import type { Positions } from "./positions.js"
import { broken } from "./refusals.js"

/** What the role may read of purges: their records, and the acts that authorize them. */
export interface Knowledge {
  readonly purges: boolean
  readonly acts: boolean
}

interface LaneState {
  seq: bigint
  /** Hashes that the next event may be chained to; undefined where none is known. */
  accepted: readonly string[] | undefined
}

interface Lane {
  readonly organization: string
  readonly lane: string
}

/** So many ranges of purged places are kept; beyond, they are read again. */
const mostRanges = 200_000

export class Checker {
  /** Events that were checked. */
  checked = 0n
  /** Places that are missing, and nobody may know why. */
  unknown = 0n
  readonly #logIds: readonly string[]
  readonly #lanes = new Map<string, LaneState>()
  /** What a verification remembered of places further on. */
  readonly #watched: Positions
  #purges = new Map<string, LanePurges>()
  #ranges = 0

  /** `starts`: what is behind the first event of each lane; a lane that is not there begins at its genesis. */
  constructor(logIds: readonly string[], starts: Positions, watched: Positions) {
    this.#logIds = logIds
    this.#watched = watched
    for (const [key, { seq, hash, organization, lane }] of starts) {
      this.#lanes.set(key, {
        seq,
        accepted: hash === null ? (seq === 0n ? this.#genesis(organization, lane) : undefined) : [hash],
      })
    }
  }

  /** Throws TrailError `broken` where the event is not what it was, or does not stand where it belongs. */
  async check(client: ClientBase, at: Lane, found: Found, knowledge: Knowledge): Promise<void> {
    const name = `${at.organization}/${at.lane}/${found.seq}`
    const state = this.#state(at)
    if (found.seq <= state.seq) throw broken(`event ${name} stands twice`)
    if (found.seq > state.seq + 1n) await this.#pass(client, at, state, found.seq - 1n, knowledge)
    if (found.raw.hash_version !== hashVersion) {
      throw new TrailError(
        "incomplete",
        `event ${name} has hash version ${found.raw.hash_version}, which this pgtrail does not know`,
        { hint: "upgrade pgtrail: nothing can be said of this event and those after it" },
      )
    }
    if (!fits(found)) throw broken(`event ${name} was altered: its hash does not fit it`)
    // The hash is over the digest, which vouches for no value beside it: the entries do. Who may not read them is told by the hash alone.
    if (found.raw.identity_digest != null || found.raw.content_digest != null) {
      const [fault] = (await redactionsOf(client, found.raw))?.faults ?? []
      if (fault !== undefined) throw broken(`the ${fault.group} of event ${name} ${fault.words}`)
    }
    if (state.accepted?.includes(found.previous) === false) {
      throw broken(`event ${name} does not follow the event before it: one of the two was replaced`)
    }
    this.#requireWatched(at, found.seq, found.hash)
    this.#lanes.set(laneKey(at.organization, at.lane), { seq: found.seq, accepted: [found.hash] })
    this.checked += 1n
  }

  /** When all events up to the heads have passed: whether each lane ends where its head says. */
  async finish(client: ClientBase, heads: Iterable<LaneHead>, knowledge: Knowledge): Promise<void> {
    for (const head of heads) {
      const state = this.#state(head)
      if (state.seq > head.seq) continue
      await this.#pass(client, head, state, head.seq, knowledge)
      const now = this.#state(head)
      if (now.accepted?.includes(head.hash) === false) {
        const lane = `${head.organization}/${head.lane}`
        throw broken(
          `the head of lane ${lane} has another hash than event ${head.seq}: one of the two was replaced`,
        )
      }
    }
  }

  #state({ organization, lane }: Lane): LaneState {
    return (
      this.#lanes.get(laneKey(organization, lane)) ?? { seq: 0n, accepted: this.#genesis(organization, lane) }
    )
  }

  #genesis(organization: string, lane: string): string[] {
    return this.#logIds.map((id) => `\\x${genesis(id, organization, lane).toString("hex")}`)
  }

  /** Passes places up to `to` that hold no event. */
  async #pass(
    client: ClientBase,
    at: Lane,
    state: LaneState,
    to: bigint,
    knowledge: Knowledge,
  ): Promise<void> {
    let { seq, accepted } = state
    const key = laneKey(at.organization, at.lane)
    if (!knowledge.purges) {
      if (to > seq) accepted = undefined
      this.unknown += to - seq
      seq = to
    }
    for (let isFresh = false; seq < to; ) {
      const range = this.#purges.get(key)?.find(Number(seq + 1n))
      if (range === undefined && !isFresh) {
        // It may have been purged since the records were read.
        await this.#readPurges(client, at, knowledge)
        isFresh = true
        continue
      }
      const detached = range === undefined ? await standing(client, at, seq + 1n, to) : undefined
      if (detached !== undefined) {
        if (accepted?.includes(detached.previous) === false) {
          throw broken(
            `what is detached from ${at.organization}/${at.lane}/${seq + 1n} on does not follow the event before it`,
          )
        }
        seq = detached.last
        accepted = [detached.hash]
        isFresh = false
        continue
      }
      if (range === undefined) {
        throw broken(
          `event ${at.organization}/${at.lane}/${seq + 1n} is missing, and no purge says that it took it`,
        )
      }
      const before = hex(range.before)
      if (BigInt(range.first) === seq + 1n && accepted?.includes(before) === false) {
        throw broken(
          `what act ${range.act} purged from ${at.organization}/${at.lane}/${range.first} on does not follow the event before it`,
        )
      }
      const isWhole = BigInt(range.last) <= to
      seq = isWhole ? BigInt(range.last) : to
      accepted = isWhole ? [hex(range.hash)] : undefined
    }
    this.#lanes.set(key, { seq, accepted })
    state.seq = seq
    state.accepted = accepted
    if (accepted?.[0] !== undefined) this.#requireWatched(at, seq, accepted[0])
  }

  #requireWatched({ organization, lane }: Lane, seq: bigint, hash: string): void {
    const known = this.#watched.get(laneKey(organization, lane))
    if (known?.seq !== seq || known.hash === null || known.hash === hash) return
    throw broken(
      `event ${organization}/${lane}/${seq} has another hash than the last verification saw: it was replaced`,
    )
  }

  async #readPurges(client: ClientBase, { organization, lane }: Lane, { acts }: Knowledge): Promise<void> {
    const records = await laneRecords(client, organization, lane)
    const parts = []
    for (const record of records) {
      const part = readPart(record)
      if (part === undefined) continue
      // Who may not read acts takes the records as they stand.
      if (acts ? await isGone(client, record) : record.restored_seq === null) parts.push(part)
    }
    const { lane: purges } = parts.length === 0 ? { lane: LanePurges.none } : disjoint(parts)
    this.#ranges += purges.length
    if (this.#ranges > mostRanges) {
      this.#purges = new Map()
      this.#ranges = purges.length
    }
    this.#purges.set(laneKey(organization, lane), purges)
  }
}

/**
 * The events from a place on that no query of the reader found, and that are there: in a detached partition, or attached since. As far as
 * they follow one another without a gap.
 */
async function standing(
  client: ClientBase,
  { organization, lane }: Lane,
  first: bigint,
  to: bigint,
): Promise<{ readonly last: bigint; readonly previous: string; readonly hash: string } | undefined> {
  const columns = ["organization_id", "lane", "seq", "previous_hash", "hash"]
  const { rows } = await withAllEvents(client, columns, (source) => {
    const ofLane = "event.organization_id = $1 and event.lane = $2::smallint"
    return client.query<Record<"last" | "previous" | "hash", string>>(
      `select r.last, (select event.previous_hash from ${source} where ${ofLane} and event.seq = $3::bigint limit 1) as previous,
         (select event.hash from ${source} where ${ofLane} and event.seq = r.last limit 1) as hash
       from (
         select max(s.seq) as last
         from (
           select d.seq, d.seq - row_number() over (order by d.seq) as run
           from (select distinct event.seq from ${source} where ${ofLane} and event.seq between $3::bigint and $4::bigint) d
         ) s
         where s.run = $3::bigint - 1
       ) r
       where r.last is not null`,
      [organization, lane, String(first), String(to)],
    )
  })
  const [row] = rows
  return row === undefined ? undefined : { ...row, last: BigInt(row.last) }
}

const hex = (latin1: string): string => `\\x${Buffer.from(latin1, "latin1").toString("hex")}`

function fits({ raw, hash }: Found): boolean {
  try {
    return `\\x${recompute(raw).hash}` === hash
  } catch {
    // A value that the canonical form cannot hold was not written by an insert.
    return false
  }
}
