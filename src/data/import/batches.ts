// Gathers the records of a source into batches, skipping those that an earlier run has done.
import { isUtf8 } from "node:buffer"
import { createHash } from "node:crypto"
import type { RawRecord, Splitter } from "./json-records.js"

export interface Batch {
  /** Records of the source before this batch. */
  readonly from: number
  /** Records of the source when this batch is done. */
  readonly to: number
  readonly records: readonly RawRecord[]
  /** Bytes of the records. */
  readonly size: number
  /** sha256 of the last record as hex. */
  readonly lastRecord: string
}

/** How far a source is done. */
export interface Position {
  readonly records: number
  /** sha256 of the last of them as hex; null where none is known. */
  readonly lastRecord: string | null
}

export interface BatchOptions {
  readonly position: Position
  /** Records. */
  readonly size: number
  /** A source that grows: half a record at its end is left for the next time. */
  readonly grows: boolean
  /** What to throw when the record at the position is not the one that was imported. */
  readonly another: () => Error
}

/** Bytes: a batch is in memory twice, once here and once in the server. */
const largestBatch = 8 * 1024 * 1024

export async function* batches(
  content: AsyncIterable<Buffer>,
  splitter: Splitter,
  options: BatchOptions,
): AsyncGenerator<Batch, number> {
  let seen = 0
  let records: RawRecord[] = []
  let size = 0
  const { position } = options

  function* gather(found: readonly RawRecord[]): Generator<Batch> {
    for (const record of found) {
      if (options.grows && isHalf(record)) continue
      seen += 1
      if (
        seen === position.records &&
        position.lastRecord !== null &&
        position.lastRecord !== digest(record)
      ) {
        throw options.another()
      }
      if (seen <= position.records) continue
      records.push(checked(record))
      size += record.raw.length
      if (records.length >= options.size || size >= largestBatch) yield cut(record)
    }
  }

  function cut(last: RawRecord): Batch {
    const batch = { from: seen - records.length, to: seen, records, size, lastRecord: digest(last) }
    records = []
    size = 0
    return batch
  }

  for await (const chunk of content) yield* gather(splitter.push(chunk))
  yield* gather(splitter.end())
  const last = records.at(-1)
  if (last !== undefined) yield cut(last)
  return seen
}

function digest(record: RawRecord): string {
  return createHash("sha256").update(record.raw).digest("hex")
}

/** Whoever writes the file has not come to the end of the line. Whole JSON without a line end is imported. */
function isHalf(record: RawRecord): boolean {
  if (record.isOpen !== true) return false
  try {
    JSON.parse(record.raw.toString("utf8"))
    return false
  } catch {
    return true
  }
}

/** What COPY itself would stumble over; anything else the server finds record by record. */
function checked(record: RawRecord): RawRecord {
  if (record.problem !== undefined) return record
  if (!isUtf8(record.raw)) return { ...record, problem: "it is not UTF-8" }
  if (record.raw.includes(0)) return { ...record, problem: "it has the character NUL, which JSON has not" }
  return record
}
