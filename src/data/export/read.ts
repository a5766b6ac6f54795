// Reads the events of an export on its snapshot, oldest first, and puts them into the files: a short transaction for each segment.
import type { Client } from "pg"
import { to as copyTo } from "pg-copy-streams"
import { type ConnectionTarget, destroy, fixedTarget, withClient } from "../connection.js"
import type { EventFilter } from "../query/criteria.js"
import { conditionText } from "../query/filter.js"
import { prepareFilter } from "../query/prepare.js"
import { readWalk } from "../query/segments.js"
import type { Source } from "../query/source.js"
import type { Period } from "../query/time.js"
import { abortable } from "./abortable.js"
import { RowCutter } from "./csv.js"
import { Lanes } from "./lanes.js"
import type { Pages } from "./pages.js"
import { rawRow } from "./raw-csv.js"
import { copyText, type Shape, withLiterals } from "./shape.js"
import { textRow } from "./text-row.js"

export interface Reading {
  readonly shape: Shape
  readonly filter: EventFilter
  /** Events that belong to the population and do not match are counted. */
  readonly isExtract: boolean
  /** An exported one. */
  readonly snapshot: string
  readonly source: Source
  readonly signal?: AbortSignal | undefined
  readonly progress?: ((events: number) => void) | undefined
}

export interface Read {
  readonly lanes: Lanes
  /** Of the organizations in the period. */
  readonly population: bigint
}

export async function readEvents(
  target: ConnectionTarget,
  { shape, source, snapshot, signal, progress, isExtract, ...reading }: Reading,
  pages: Pages,
): Promise<Read> {
  const lanes = new Lanes(!isExtract && shape.isWhole)
  const isRaw = shape.format === "csv" && !shape.isExcel && shape.isWhole
  const write = isRaw ? rawRow(shape.columns, lanes, pages) : textRow(shape, lanes, pages)
  let population = 0n
  await withClient(fixedTarget(target), (client) =>
    abortable(client, signal, async () => {
      const onSnapshot = <T>(work: () => Promise<T>): Promise<T> => within(client, snapshot, work)
      const filter = await prepareFilter(client, reading.filter, source)
      const walk = await onSnapshot(() => readWalk(client, filter))
      for (const segment of [...walk.segments].reverse()) {
        const condition = await withLiterals(client, conditionText(filter, segment, source, 1))
        await onSnapshot(async () => {
          if (isExtract) population += await count(client, filter, segment, source)
          await copy(client, copyText(shape, source, condition), write, pages, signal, progress)
        })
      }
    }),
  )
  return { lanes, population: isExtract ? population : BigInt(pages.rows) }
}

/** Events of the organizations in the period of a filter, whatever else it asks. */
export async function countPopulation(
  target: ConnectionTarget,
  filter: EventFilter,
  { snapshot, source }: Pick<Reading, "snapshot" | "source">,
  signal?: AbortSignal,
): Promise<bigint> {
  return withClient(fixedTarget(target), (client) =>
    abortable(client, signal, async () => {
      const walk = await within(client, snapshot, () => readWalk(client, filter))
      let events = 0n
      for (const segment of walk.segments) {
        events += await within(client, snapshot, () => count(client, filter, segment, source))
      }
      return events
    }),
  )
}

async function within<T>(client: Client, snapshot: string, work: () => Promise<T>): Promise<T> {
  await client.query("begin isolation level repeatable read read only")
  await client.query(`set transaction snapshot '${snapshot.replaceAll("'", "")}'`)
  const result = await work()
  await client.query("commit")
  return result
}

async function count(
  client: Client,
  { organization, not }: EventFilter,
  segment: Period,
  source: Source,
): Promise<bigint> {
  const { text, params } = conditionText(
    { organization, not: { organization: not?.organization } },
    segment,
    source,
    1,
  )
  const { rows } = await client.query<{ events: string }>(
    `select count(*) as events from pgtrail.${source.events} where ${text}`,
    [...params],
  )
  return BigInt(rows[0]?.events ?? "0")
}

async function copy(
  client: Client,
  sql: string,
  write: (bytes: Buffer, start: number, end: number) => void,
  pages: Pages,
  signal: AbortSignal | undefined,
  progress: ((events: number) => void) | undefined,
): Promise<void> {
  const cutter = new RowCutter((bytes, start, end) => {
    pages.beforeRow()
    write(bytes, start, end)
  })
  const stream = client.query(copyTo(sql))
  try {
    for await (const chunk of stream) {
      signal?.throwIfAborted()
      cutter.push(chunk as Buffer)
      await pages.drain()
      progress?.(pages.rows)
    }
  } catch (error) {
    // node-pg-copy-streams waits for ever for a reader that has failed.
    destroy(client)
    throw error
  }
}
