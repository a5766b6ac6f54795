// Follows the log in the order of arrival: each event that was committed once, whatever the order of the commits, over restarts of the server.
import { setTimeout as sleep } from "node:timers/promises"
import type { ConnectionTarget } from "../connection.js"
import { TrailError } from "../errors.js"
import { type EventColumn, eventColumns } from "../event-columns.js"
import { type EventRow, kindOf, rowWriter } from "../query/columns.js"
import { type Arrived, byArrival, type Strand } from "./arrivals.js"
import { type Beginning, begin, namesOf } from "./begin.js"
import { type LaneHead, laneKey } from "./heads.js"
import { FollowLink } from "./link.js"
import type { Following, FollowOptions } from "./options.js"
import { passes, reasonOf } from "./outage.js"
import type { Found } from "./places.js"
import { compare, digestOfQuestion, type Position, writeCursor } from "./positions.js"
import { lagging, setBack, unread } from "./refusals.js"
import { jsonName } from "./statements.js"

/** What is read up to the heads that one look has found. */
interface Poll {
  readonly behind: readonly LaneHead[]
  readonly batches: AsyncIterator<readonly Arrived<Strand>[]>
  batch: readonly Arrived<Strand>[]
  /** How many of the batch have been taken. */
  taken: number
  isOver: boolean
  failure?: unknown
}

const portionMs = 1000
const firstWaitMs = 250
const longestWaitMs = 10_000

/** Asks the server when it is iterated. Any error but a lost connection ends it; `broken` where the log does not go on as it was read. */
export function follow(target: ConnectionTarget, options: FollowOptions = {}): Following {
  const { filter = {}, columns = eventColumns, signal, tell = () => undefined, verify = false } = options
  const { limit = Number.POSITIVE_INFINITY, pollMs = 300, keepsOn = false } = options
  const organizations = namesOf(filter)
  const question = digestOfQuestion(filter, options.question)
  const write = writer(columns)
  const isStopped = (): boolean => signal?.aborted === true
  const told = new Set<string>()
  const state = { given: 0, more: false, missing: 0n }
  let link: FollowLink | undefined
  let begun: Beginning | undefined
  let positions = new Map<string, Position>()

  /** The heads; undefined where nothing was committed since the last look. */
  async function look(): Promise<ReadonlyMap<string, LaneHead> | undefined> {
    if (link !== undefined) return link.news(organizations)
    link = await FollowLink.open(target, { filter, columns, isWhole: verify }, signal)
    signal?.throwIfAborted()
    if (begun === undefined) {
      begun = await begin(link, options, question)
      positions = begun.positions
      return begun.heads
    }
    if (link.facts.logIds.includes(begun.logId)) return link.news(organizations)
    throw new TrailError("other-log", `another log answers now, and not ${begun.logId}`, {
      hint: "nothing was skipped; see to which database the connection leads",
    })
  }

  async function poll(heads: ReadonlyMap<string, LaneHead>): Promise<Poll> {
    const { behind, ahead } = compare(positions, heads)
    if (ahead !== undefined) {
      const isThere = [...heads.values()].some(({ organization }) => organization === ahead.organization)
      if (link?.facts.source.isBound === true && !isThere) throw unread(ahead.organization)
      if (link?.facts.isStandby !== true)
        throw setBack(ahead, heads.get(laneKey(ahead.organization, ahead.lane)))
      throw lagging(ahead)
    }
    if (behind.length > 0) await link?.refreshSegments()
    return { behind, batches: arrivals(behind), batch: [], taken: 0, isOver: false }
  }

  function arrivals(behind: readonly LaneHead[]): AsyncGenerator<readonly Arrived<Strand>[]> {
    if (link === undefined) throw new TrailError("closed", "the log is not open")
    const strands = behind.map(({ organization, lane, seq }): Strand => {
      const start = positions.get(laneKey(organization, lane))
      return { organization, lane, start: start?.seq ?? 0n, end: seq }
    })
    return byArrival(
      strands,
      link.reader,
      ({ organization, lane, start }, { window, missing, link: hash }) => {
        const known = positions.get(laneKey(organization, lane))
        const isFirst = window.after === start && known?.seq === start
        if (isFirst && known.hash !== null && hash !== undefined && hash !== known.hash) {
          throw setBack(known, { organization, lane, seq: start, hash: "" })
        }
        if (missing > 0n) tellMissing(`${organization}/${lane}`, missing)
      },
    )
  }

  function tellMissing(lane: string, places: bigint): void {
    state.missing += places
    if (told.has(lane)) return
    told.add(lane)
    tell(`events of lane ${lane} are missing, and no purge says that it took them: pgtrail verify`)
  }

  /** One portion; the next goes on where it ended. */
  async function* rows(now: Poll): AsyncGenerator<EventRow> {
    const end = performance.now() + portionMs
    while (!now.isOver && performance.now() < end) {
      await fill(now)
      while (!now.isOver && now.taken < now.batch.length) {
        const event = now.batch[now.taken]
        if (event === undefined) return
        if (verify && !(await isSound(now, event))) return
        const { organization, lane } = event.strand
        const key = laneKey(organization, lane)
        if (event.matches && event.seq > (begun?.silent.get(key)?.seq ?? -1n)) {
          if (state.given >= limit) {
            state.more = true
            now.isOver = true
            return
          }
          state.given += 1
          now.taken += 1
          yield write(event)
        } else now.taken += 1
        // Whoever asks for another has dealt with this one.
        positions.set(key, { organization, lane, seq: event.seq, hash: event.hash })
      }
    }
  }

  /** What fails is told when everything before it has been dealt with. */
  async function fill(now: Poll): Promise<void> {
    if (now.taken < now.batch.length) return
    try {
      const { done, value } = await now.batches.next()
      if (done !== true) {
        now.batch = value
        now.taken = 0
        return
      }
      if (link !== undefined) await begun?.checker?.finish(link.client, now.behind, link.facts)
      for (const head of now.behind) positions.set(laneKey(head.organization, head.lane), head)
    } catch (error) {
      now.failure = error
    }
    now.isOver = true
  }

  async function isSound(now: Poll, event: Arrived<Strand>): Promise<boolean> {
    if (begun?.checker === undefined || link === undefined) return true
    try {
      await begun.checker.check(link.client, event.strand, event, link.facts)
      return true
    } catch (error) {
      now.failure = error
      now.isOver = true
      return false
    }
  }

  async function* portions(): AsyncGenerator<AsyncIterable<EventRow>> {
    const cut = () => link?.cut()
    signal?.addEventListener("abort", cut)
    try {
      for (let outage = 0, quiet = 0; !isStopped(); ) {
        // Where nothing has come for a while, somewhat less often.
        let pause = quiet > 20 ? 1.6 * pollMs : pollMs
        try {
          const start = performance.now()
          const heads = await look()
          quiet = heads === undefined ? quiet + 1 : 0
          if (heads !== undefined) {
            const looked = performance.now() - start
            const now = await poll(heads)
            outage = 0
            while (!now.isOver && !isStopped()) yield rows(now)
            if (now.failure !== undefined) throw now.failure
            // What was read took its time; a log of very many lanes is looked at for half of the time at most.
            pause = Math.max(looked, pollMs - (performance.now() - start))
          }
          if (!keepsOn || state.given >= limit) return
        } catch (cause) {
          if (isStopped()) return
          const error = reasonOf(cause, link)
          if (!keepsOn || begun === undefined || !passes(error)) throw error
          if (outage === 0) tell(`${error.message}: trying again`)
          outage = Math.min(longestWaitMs, Math.max(firstWaitMs, 2 * outage))
          pause = outage
          await link?.close()
          link = undefined
        }
        await sleep(pause, undefined, { signal }).catch(() => undefined)
      }
    } finally {
      signal?.removeEventListener("abort", cut)
      await link?.close()
    }
  }

  return {
    portions,
    async *[Symbol.asyncIterator]() {
      for await (const portion of portions()) yield* portion
    },
    cursor: () => writeCursor({ logId: begun?.logId ?? "", question }, positions),
    get more() {
      return state.more
    },
    get missing() {
      return state.missing
    },
    get checked() {
      return begun?.checker?.checked ?? 0n
    },
    get unknown() {
      return begun?.checker?.unknown ?? 0n
    },
  }
}

/** Turns what was read into what `query` gives, in the order of the columns. */
function writer(columns: readonly EventColumn[]): (found: Found) => EventRow {
  const write = rowWriter(columns)
  const names = columns.map(
    (column) => [column, kindOf(column) === "array" ? jsonName(column) : column] as const,
  )
  return ({ raw }) => {
    const row: Record<string, string | null> = {}
    for (const [column, name] of names) row[column] = raw[name] ?? null
    return write(row)
  }
}
