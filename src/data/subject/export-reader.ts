// A connection that finds the events of a subject and reads them, partition after partition, on the snapshot of the export, in short transactions.
import type { Client } from "pg"
import { type CopyToStreamQuery, to as copyTo } from "pg-copy-streams"
import { destroy } from "../connection.js"
import { TrailError } from "../errors.js"
import { abortable } from "../export/abortable.js"
import type { Pages } from "../export/pages.js"
import { FieldCutter, type VisitFields } from "./export-cut.js"
import type { Identifier } from "./identifiers.js"
import { type SubjectScope, stageSubject, viewInPartition } from "./stage.js"

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

/** No transaction goes on to another partition after this: it holds locks, and what vacuum would remove. */
const longest = 2000
/** Bytes that are taken from the server before anybody asks for them: while one partition is written, the next is read. */
const readAhead = 2_097_152
/** Bytes that are judged before others have their turn: another connection, whose server would wait. */
const turn = 262_144

export class SubjectReader {
  readonly client: Client
  readonly #reading: SubjectReading
  #begun: number | undefined
  #isStaged = false

  constructor(client: Client, reading: SubjectReading) {
    this.client = client
    this.#reading = reading
  }

  async begin(): Promise<void> {
    if (this.#begun !== undefined) return
    await this.client.query("begin isolation level repeatable read")
    await this.client.query(`set transaction snapshot '${this.#reading.snapshot.replaceAll("'", "")}'`)
    this.#begun = performance.now()
  }

  /** Undefined: there are none. What it returns must be read to its end before it opens another. */
  open(partition: string, { select }: RowSink): Promise<CopyToStreamQuery | undefined> {
    const { identifiers, scope, signal } = this.#reading
    return abortable(this.client, signal, async () => {
      await this.begin()
      if (!this.#isStaged) await stageSubject(this.client, identifiers)
      this.#isStaged = true
      const isFound = await viewInPartition(this.client, partition, scope).catch((error: unknown) => {
        throw isGone(error) ? gone(partition, error) : error
      })
      return isFound ? openFound(this.client, select) : undefined
    })
  }

  async write(opened: CopyToStreamQuery, sink: RowSink): Promise<void> {
    const { signal } = this.#reading
    await abortable(this.client, signal, () => writeFound(this.client, opened, this.#reading, sink))
    if (performance.now() - (this.#begun ?? 0) > longest) await this.end()
  }

  async end(): Promise<void> {
    if (this.#begun !== undefined) await this.client.query("commit")
    this.#begun = undefined
    this.#isStaged = false
  }
}

const isGone = (error: unknown): boolean => (error as { code?: unknown }).code === "42P01"

const gone = (partition: string, cause: unknown): TrailError =>
  new TrailError("retry", `${partition} went away while the events were read`, {
    hint: "nothing was written; run it again",
    cause,
  })

/** What pg_temp.pgtrail_found has; `client` has nothing else to do until it is read. */
export async function openFound(client: Client, select: string): Promise<CopyToStreamQuery> {
  // By indexes; and where a plan was made, what it names one after the other.
  await client.query(
    "set local enable_seqscan = off; set local enable_hashjoin = off; set local enable_mergejoin = off; set local enable_memoize = off; " +
      "set local work_mem = '64MB'",
  )
  const sql = `copy (select ${select} from pg_temp.pgtrail_found e) to stdout (format csv)`
  const stream = client.query(copyTo(sql, { highWaterMark: readAhead }))
  // An error that comes before anybody reads it is his who reads it then, and not the process's end.
  stream.on("error", (error) => stream.destroy(error))
  stream.read(0)
  return stream
}

export async function writeFound(
  client: Client,
  opened: CopyToStreamQuery,
  { signal, progress }: SubjectReading,
  { events, review, fields, write }: RowSink,
): Promise<void> {
  const cutter = new FieldCutter(fields, write)
  try {
    for await (const chunk of opened as AsyncIterable<Buffer>) {
      for (let at = 0; at < chunk.length; at += turn) {
        signal?.throwIfAborted()
        cutter.push(chunk.subarray(at, at + turn))
        await events.drain()
        await review.drain()
      }
      progress?.(events.rows)
    }
  } catch (error) {
    // node-pg-copy-streams waits for ever for a reader that has failed.
    destroy(client)
    throw error
  }
}
