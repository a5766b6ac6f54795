// Loads one batch in one transaction; where the server refuses it, finds all bad records and loads the rest.
import type { Client } from "pg"
import { textProblem } from "../append/text.js"
import { withTransaction } from "../connection.js"
import { TrailError } from "../errors.js"
import { toTrailError } from "../server-errors.js"
import type { Batch } from "./batches.js"
import type { ImportFormat } from "./import.js"
import type { Rejects } from "./rejects.js"
import { copyText, stage } from "./stage.js"

export interface LoadOptions {
  readonly source: string
  readonly format: ImportFormat
  readonly name: string
  readonly organization: string | undefined
  /** So many more records may be bad. */
  readonly errorsLeft: number
  readonly onRejected: (position: number, line: number, reason: string) => void
  /** What the batch will have brought once it is committed. */
  readonly onPrepared: (loaded: Loaded) => void
  readonly rejects: Rejects | undefined
  readonly signal: AbortSignal | undefined
}

export interface Loaded {
  readonly added: number
  readonly rejected: number
}

/** The functions want it: an old snapshot would not see the position that another import has just moved. */
const begin = "begin isolation level read committed"

export async function loadBatch(client: Client, batch: Batch, options: LoadOptions): Promise<Loaded> {
  const bad = new Map<number, string>()
  for (const [at, record] of batch.records.entries()) {
    if (record.problem !== undefined) bad.set(batch.from + at + 1, record.problem)
  }
  try {
    if (bad.size === 0) return await load(client, batch, bad, options)
  } catch (cause) {
    const error = toTrailError(cause)
    if (!isRefusal(error)) throw error
    const found = await findBad(client, batch, bad, options)
    if (found.size === 0) throw error
    return load(client, batch, judged(batch, found, options), options)
  }
  // Some are bad already on this side; the server may know of more, and all are to be named at once.
  return load(client, batch, judged(batch, await findBad(client, batch, bad, options), options), options)
}

/** Values that the server cannot take. TR003 and TR004 are pgtrail's own: a bad event, one that is too large. */
function isRefusal(error: unknown): error is TrailError {
  return error instanceof TrailError && error.code === "bad-event"
}

async function load(
  client: Client,
  batch: Batch,
  bad: ReadonlyMap<number, string>,
  options: LoadOptions,
): Promise<Loaded> {
  const rows = copyText(batch, new Set(bad.keys()))
  const { rejects, signal } = options
  try {
    return await withTransaction(client, begin, async () => {
      await stage(client, rows)
      signal?.throwIfAborted()
      const { rows: answer } = await client.query<{ added: string }>(
        "select pgtrail.import_batch($1, $2, $3, $4, $5, $6, decode($7, 'hex')) as added",
        [
          options.source,
          options.format,
          batch.from,
          batch.to,
          bad.size,
          options.organization ?? null,
          batch.lastRecord,
        ],
      )
      signal?.throwIfAborted()
      await rejects?.write([...bad.keys()].sort((a, b) => a - b).map((position) => rawOf(batch, position)))
      const loaded = { added: Number(answer[0]?.added ?? 0), rejected: bad.size }
      options.onPrepared(loaded)
      return loaded
    })
  } catch (error) {
    // Where nobody knows whether the commit arrived, a record that is listed twice is better than one that is lost.
    if (!isLost(error)) await rejects?.undo()
    throw error
  }
}

function isLost(error: unknown): boolean {
  const known = toTrailError(error)
  return known instanceof TrailError && known.code === "connection-lost"
}

/** Position and reason of every bad record of the batch; what this side knows already is not sent. */
async function findBad(
  client: Client,
  batch: Batch,
  known: ReadonlyMap<number, string>,
  options: LoadOptions,
): Promise<Map<number, string>> {
  const bad = new Map(known)
  await client.query(begin)
  try {
    await stage(client, copyText(batch, new Set(known.keys())))
    const { rows } = await client.query<{ rejected_position: string; reason: string }>(
      "select rejected_position, reason from pgtrail.import_check($1, $2)",
      [options.format, options.organization ?? null],
    )
    for (const row of rows) {
      const position = Number(row.rejected_position)
      bad.set(position, textProblem(rawOf(batch, position).toString("utf8")) ?? row.reason)
    }
  } finally {
    await client.query("rollback").catch(() => undefined)
  }
  return bad
}

/** Reports each bad record, and ends the import where they are more than it may have. */
function judged(batch: Batch, bad: Map<number, string>, options: LoadOptions): Map<number, string> {
  for (const [position, reason] of [...bad].sort(([a], [b]) => a - b)) {
    const line = batch.records[position - batch.from - 1]?.line ?? 0
    options.onRejected(position, line, reason)
  }
  if (bad.size > options.errorsLeft) {
    throw new TrailError(
      "incomplete",
      `${options.name}: ${bad.size} bad ${bad.size === 1 ? "record" : "records"} in records ${batch.from + 1} to ${batch.to}, which were not imported`,
    )
  }
  return bad
}

function rawOf(batch: Batch, position: number): Buffer {
  return batch.records[position - batch.from - 1]?.raw ?? Buffer.alloc(0)
}
