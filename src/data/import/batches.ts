// Gathers the records of a source into batches, skipping those that an earlier run has done.
import { isUtf8 } from "node:buffer"
import type { RawRecord, Splitter } from "./json-records.js"

export interface Batch {
  /** Records of the source before this batch. */
  readonly from: number
  /** Records of the source when this batch is done. */
  readonly to: number
  readonly records: readonly RawRecord[]
  /** Bytes of the records. */
  readonly size: number
}

/** Bytes: a batch is in memory twice, once here and once in the server. */
const largestBatch = 8 * 1024 * 1024

export async function* batches(
  content: AsyncIterable<Buffer>,
  splitter: Splitter,
  options: { readonly position: number; readonly size: number },
): AsyncGenerator<Batch, number> {
  let seen = 0
  let records: RawRecord[] = []
  let size = 0

  function* gather(found: readonly RawRecord[]): Generator<Batch> {
    for (const record of found) {
      seen += 1
      if (seen <= options.position) continue
      records.push(checked(record))
      size += record.raw.length
      if (records.length >= options.size || size >= largestBatch) yield cut()
    }
  }

  function cut(): Batch {
    const batch = { from: seen - records.length, to: seen, records, size }
    records = []
    size = 0
    return batch
  }

  for await (const chunk of content) yield* gather(splitter.push(chunk))
  yield* gather(splitter.end())
  if (records.length > 0) yield cut()
  return seen
}

/** What COPY itself would stumble over; anything else the server finds record by record. */
function checked(record: RawRecord): RawRecord {
  if (record.problem !== undefined) return record
  if (!isUtf8(record.raw)) return { ...record, problem: "it is not UTF-8" }
  if (record.raw.includes(0)) return { ...record, problem: "it has the character NUL, which JSON has not" }
  return record
}
