// Imports the events of one source: batch by batch, each in a transaction with the source's position, so that nothing comes in twice.
import type { Readable } from "node:stream"
import type { ConnectionTarget } from "../connection.js"
import { TrailError } from "../errors.js"
import { toTrailError } from "../server-errors.js"
import { batches } from "./batches.js"
import { type Input, openInput } from "./input.js"
import { jsonRecords, type Splitter } from "./json-records.js"
import { lines } from "./lines.js"
import { createLoader, type Loader } from "./loader.js"
import { openRejects } from "./rejects.js"

export type ImportFormat = "ndjson" | "cloudtrail"

export interface RejectedRecord {
  /** Line of the (uncompressed) source. */
  readonly line: number
  /** Names the field, never the value. */
  readonly reason: string
}

export interface ImportOptions {
  /** Default ndjson. */
  readonly format?: ImportFormat
  /** What messages call the source. Default: the path, or "-" for a stream. */
  readonly name?: string
  /**
   * Names a source that grows, in at most 200 characters; otherwise it is known by the sha256 of its uncompressed content. A last line
   * without its end that is no JSON yet is left for the next time, and not counted.
   */
  readonly source?: string | undefined
  /** Organization of the events that name none (ndjson), or of all (cloudtrail, instead of the account). */
  readonly organization?: string | undefined
  /** Records a transaction. Default 5000. */
  readonly batchSize?: number | undefined
  /** Rejected records are appended to this file. */
  readonly rejects?: string | undefined
  /** So many records may be bad. Default 0: the first one ends the import. */
  readonly maxErrors?: number | undefined
  readonly signal?: AbortSignal | undefined
  readonly onRejected?: (record: RejectedRecord) => void
  /** After each batch, with the counts so far. */
  readonly onProgress?: (soFar: { readonly records: number; readonly added: number }) => void
}

export interface ImportResult {
  readonly source: string
  readonly format: ImportFormat
  /** In the whole source. */
  readonly records: number
  /** Events that this run has added. */
  readonly added: number
  readonly rejected: number
  /** Imported by an earlier run, or appended by the writer that spooled them. */
  readonly skipped: number
}

const defaultBatch = 5000
/** The server has the same limit. */
const longestSource = 200

const splitters: Readonly<Record<ImportFormat, () => Splitter>> = {
  ndjson: lines,
  cloudtrail: () => jsonRecords("Records"),
}

/**
 * Throws `incomplete` past maxErrors, `config` when another source came under the same name, `busy` when another import of the
 * source is at work; what was committed stays.
 */
export async function importFile(
  target: ConnectionTarget,
  from: string | Readable,
  options: ImportOptions = {},
): Promise<ImportResult> {
  const name = options.name ?? (typeof from === "string" ? from : "-")
  checkSource(options.source)
  const input = await openInput(from, { name, source: options.source, signal: options.signal })
  try {
    const rejects = await openRejects(options.rejects)
    const loader = createLoader(target, { ...options, source: input.source, name, rejects })
    try {
      return await importContent(input, loader, options)
    } finally {
      await loader.close()
      await rejects?.close()
    }
  } catch (error) {
    throw toTrailError(error)
  } finally {
    await input.close()
  }
}

async function importContent(input: Input, loader: Loader, options: ImportOptions): Promise<ImportResult> {
  const { format = "ndjson", batchSize: size = defaultBatch, signal } = options
  const { source } = input
  const position = await loader.position()
  const found = batches(input.content(), splitters[format](), {
    position,
    size,
    grows: options.source !== undefined,
    another: () =>
      another(`record ${position.records} of ${source} is not the one that was imported as its last`),
  })
  let [added, rejected, skipped] = [0, 0, position.records]
  // The next batch is read while the server works on this one.
  let next = ahead(found.next())
  for (;;) {
    const step = await next
    if (step.done === true) {
      if (step.value < position.records) {
        throw another(`${source} has ${step.value} records, and ${position.records} were imported before`)
      }
      await loader.finish()
      return { source, format, records: step.value, added, rejected, skipped }
    }
    next = ahead(found.next())
    signal?.throwIfAborted()
    const batch = step.value
    const loaded = await loader.load(batch, (options.maxErrors ?? 0) - rejected)
    added += loaded.added
    rejected += loaded.rejected
    skipped += batch.records.length - loaded.added - loaded.rejected
    options.onProgress?.({ records: batch.to, added })
  }
}

/** A log file that was rotated under the same name, or changed: nobody can tell which of its records are new. */
function another(what: string): TrailError {
  return new TrailError("config", `${what}: it is another file`, {
    hint: "give it another name with --source; each file of a rotated log has its own, or none",
  })
}

function checkSource(source: string | undefined): void {
  if (source === undefined || (source.length > 0 && [...source].length <= longestSource)) return
  throw new TrailError("usage", `the name of a source has 1 to ${longestSource} characters`)
}

/** A rejection that comes before anybody waits for it would end the process. */
function ahead<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined)
  return promise
}
