// One connection of a log that is followed: who reads, from where, and what is new since the last look.
import type { Client } from "pg"
import { type ConnectionTarget, connect, destroy } from "../connection.js"
import { TrailError } from "../errors.js"
import type { EventColumn } from "../event-columns.js"
import type { EventFilter } from "../query/criteria.js"
import { prepareFilter } from "../query/prepare.js"
import { readWalk } from "../query/segments.js"
import { isBoundSql, type Source, sourceOf } from "../query/source.js"
import type { Knowledge } from "./check.js"
import { commitMark, type LaneHead, newestHeads } from "./heads.js"
import { PlaceReader } from "./places.js"

/** A server that is there answers the cheapest of questions sooner: beyond, the connection hangs. */
const patienceMs = 30_000

export interface Facts extends Knowledge {
  /** All that this log ever had; the present one last. */
  readonly logIds: readonly string[]
  readonly source: Source
  /** Whether this role may read what the last verification remembered. */
  readonly mayCompare: boolean
  readonly isStandby: boolean
}

export interface Asked {
  readonly filter: EventFilter
  readonly columns: readonly EventColumn[]
  readonly isWhole: boolean
}

export class FollowLink {
  readonly client: Client
  readonly facts: Facts
  readonly reader: PlaceReader
  readonly #asked: Asked
  /** Marks tell of one server: where a log is spread over several, the heads are read each time. */
  readonly #trustsMarks: boolean
  #mark: string | undefined

  private constructor(client: Client, facts: Facts, trustsMarks: boolean, asked: Asked) {
    this.client = client
    this.facts = facts
    this.#asked = asked
    this.#trustsMarks = trustsMarks
    this.reader = this.readerOf(asked)
  }

  static async open(
    target: ConnectionTarget,
    asked: Asked,
    signal: AbortSignal | undefined,
  ): Promise<FollowLink> {
    const client = await connect(target)
    try {
      signal?.throwIfAborted()
      const { rows } = await client.query<Record<string, string>>(
        `select ${isBoundSql} as is_bound, pg_is_in_recovery() as is_standby,
           to_regclass('pg_catalog.pg_dist_partition') is not null as is_spread,
           to_regclass('pgtrail.incarnation') is not null as has_incarnations,
           coalesce(has_table_privilege(to_regclass('pgtrail.purge'), 'select'), false) as purges,
           coalesce(has_table_privilege(to_regclass('pgtrail.act'), 'select'), false) as acts,
           coalesce(has_table_privilege(to_regclass('pgtrail.verified_head'), 'select'), false) as verified`,
      )
      const [row = {}] = rows
      const logs = await client.query<{ log_id: string }>(
        // A log that an older pgtrail installed has no incarnations.
        row.has_incarnations === "t"
          ? "select log_id from pgtrail.incarnation order by number"
          : "select log_id from pgtrail.log",
      )
      // Many windows look expensive to the planner, and each is one look into an index.
      await client.query("set jit = off")
      const source = sourceOf(row.is_bound)
      const filter = await prepareFilter(client, asked.filter, source)
      const is = (name: string) => row[name] === "t"
      const facts = {
        source,
        logIds: logs.rows.map((log) => log.log_id),
        purges: is("purges"),
        acts: is("acts"),
        mayCompare: is("verified") && is("acts"),
        isStandby: is("is_standby"),
      }
      return new FollowLink(client, facts, !is("is_spread"), { ...asked, filter })
    } catch (error) {
      await client.end().catch(() => undefined)
      throw error
    }
  }

  /** Another one on the same connection; the segments are its own. */
  readerOf({ filter, columns, isWhole }: Asked): PlaceReader {
    const { source, purges: knowsPurges } = this.facts
    return new PlaceReader(this.client, { source, filter, columns, isWhole, knowsPurges })
  }

  /** As the server is to be asked. */
  get filter(): EventFilter {
    return this.#asked.filter
  }

  /** The newest heads; undefined where nothing was committed since they were read before. */
  async news(organizations: readonly string[] | undefined): Promise<Map<string, LaneHead> | undefined> {
    const mark = await this.#inTime(commitMark(this.client))
    if (this.#trustsMarks && mark === this.#mark) return undefined
    const heads = await newestHeads(this.client, this.facts.source, organizations)
    // Read before the heads, it can only be too old: then they are read once more.
    this.#mark = mark
    return heads
  }

  /** Partitions come, and get their first event; asked only when something is to be read. */
  async refreshSegments(reader: PlaceReader = this.reader): Promise<void> {
    const period = this.#asked.isWhole ? {} : this.#asked.filter
    const { segments, source } = await readWalk(this.client, period)
    reader.segments = segments
    reader.source = source
  }

  async #inTime<T>(answer: Promise<T>): Promise<T> {
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      destroy(this.client)
    }, patienceMs)
    try {
      return await answer
    } catch (error) {
      if (!isLate) throw error
      throw new TrailError("connection-lost", "the server does not answer any more", { cause: error })
    } finally {
      clearTimeout(timer)
    }
  }

  /** Whatever it is doing ends at once. */
  cut(): void {
    destroy(this.client)
  }

  async close(): Promise<void> {
    await this.client.end().catch(() => undefined)
  }
}
