// Finds the events of a subject and reads them, partition after partition, on the snapshot of the export, in short transactions.
import type { Client } from "pg"
import { to as copyTo } from "pg-copy-streams"
import { destroy } from "../connection.js"
import { TrailError } from "../errors.js"
import type { Pages } from "../export/pages.js"
import { FieldCutter, type VisitFields } from "./export-cut.js"
import type { Identifier } from "./identifiers.js"
import { partitionsIn, type SubjectScope, stageSubject, viewInPartition } from "./stage.js"

export interface SubjectReading {
  readonly identifiers: readonly Identifier[]
  readonly scope: SubjectScope
  /** An exported one. */
  readonly snapshot: string
  readonly signal?: AbortSignal | undefined
  readonly progress?: ((events: number) => void) | undefined
}

export interface RowSink {
  readonly select: string
  readonly events: Pages
  readonly review: Pages
  /** Of a row of `select`. */
  readonly fields: number
  readonly write: VisitFields
}

export interface ReadPartitions {
  /** By their names, oldest first. */
  readonly partitions: readonly string[]
  /** Those of them that are detached. */
  readonly detached: readonly string[]
}

/** No transaction goes on to another partition after this: it holds locks, and what vacuum would remove. */
const longest = 2000

export async function readPartitions(
  client: Client,
  reading: SubjectReading,
  sink: RowSink,
): Promise<ReadPartitions> {
  const { identifiers, scope, snapshot } = reading
  let begun: number | undefined
  const begin = async (): Promise<void> => {
    await client.query("begin isolation level repeatable read")
    await client.query(`set transaction snapshot '${snapshot.replaceAll("'", "")}'`)
    begun = performance.now()
  }
  const end = async (): Promise<void> => {
    if (begun !== undefined) await client.query("commit")
    begun = undefined
  }
  await begin()
  const partitions = await partitionsIn(client, scope)
  const known = await states(client)
  await stageSubject(client, identifiers)
  for (const partition of partitions) {
    // Nothing was ever in it: a log has many that were made in advance.
    if (known.get(partition)?.isEmpty === true) continue
    if (begun === undefined) {
      await begin()
      await stageSubject(client, identifiers)
    }
    const isFound = await viewInPartition(client, partition, scope).catch((error: unknown) => {
      throw isGone(error) ? gone(partition, error) : error
    })
    if (isFound) await copyFound(client, reading, sink)
    if (performance.now() - (begun ?? 0) > longest) await end()
  }
  await end()
  return { partitions, detached: partitions.filter((name) => known.get(name)?.isDetached === true) }
}

const isGone = (error: unknown): boolean => (error as { code?: unknown }).code === "42P01"

const gone = (partition: string, cause: unknown): TrailError =>
  new TrailError("retry", `${partition} went away while the events were read`, {
    hint: "nothing was written; run it again",
    cause,
  })

async function states(client: Client): Promise<Map<string, { isDetached: boolean; isEmpty: boolean }>> {
  const { rows } = await client.query<{ name: string; detached: string; empty: string }>(
    "select p.name, not p.attached as detached, pg_relation_size(p.oid) = 0 as empty from pgtrail.partitions() p",
  )
  return new Map(
    rows.map(({ name, detached, empty }) => [name, { isDetached: detached === "t", isEmpty: empty === "t" }]),
  )
}

/** What pg_temp.pgtrail_found has. */
export async function copyFound(
  client: Client,
  { signal, progress }: SubjectReading,
  { select, events, review, fields, write }: RowSink,
): Promise<void> {
  // Sorted are the places, and not the events: these are fetched one after the other.
  await client.query(
    "set local enable_hashjoin = off; set local enable_mergejoin = off; set local enable_memoize = off; set local jit = off",
  )
  const sql = `copy (select ${select} from pg_temp.pgtrail_found e) to stdout (format csv)`
  const cutter = new FieldCutter(fields, write)
  const stream = client.query(copyTo(sql))
  try {
    for await (const chunk of stream) {
      signal?.throwIfAborted()
      cutter.push(chunk as Buffer)
      await events.drain()
      await review.drain()
      progress?.(events.rows)
    }
  } catch (error) {
    // node-pg-copy-streams waits for ever for a reader that has failed.
    destroy(client)
    throw error
  }
}
