// Writes an archive: hashes each event on its way, puts the files into the store, and reads back what lies there.
import { sha256 } from "../canonical.js"
import { TrailError } from "../errors.js"
import { eventColumns } from "../event-columns.js"
import { writeManifest } from "../manifest-form.js"
import type { Store } from "../store/store.js"
import { version } from "../version.js"
import { visible } from "../words.js"
import { encrypted, readRecipients } from "./age.js"
import { gzipped, inflate, Sum, summed } from "./compress.js"
import { CopyRows } from "./copy-rows.js"
import { BadLine } from "./field-forms.js"
import {
  type ArchiveAbout,
  type ArchiveFile,
  type ArchiveManifest,
  eventsName,
  manifestName,
  stored,
} from "./manifest.js"
import { type FinishedRecords, Records } from "./records.js"
import { type HashedRow, placeOf } from "./row-hash.js"

export interface WriteOptions {
  /** Of gzip, 1 to 9. */
  readonly level?: number | undefined
  /** Recipients of age: age1... */
  readonly recipients?: readonly string[] | undefined
  readonly signal?: AbortSignal | undefined
  /** Called now and then with the events written so far. */
  readonly progress?: ((events: number) => void) | undefined
}

export interface WrittenArchive {
  readonly manifest: ArchiveManifest
  /** Of manifest.json; hex, as the next. */
  readonly manifestSha256: string
  /** What the records of a purge of exactly these events come to. */
  readonly records: string
  /** Of all files. */
  readonly bytes: bigint
  readonly events: bigint
  /** Keys in the store. */
  readonly files: readonly string[]
}

/**
 * `rows` is COPY text of all columns, cut anywhere. Throws TrailError `broken` for an event that does not verify, `not-found` without
 * events, and what the store throws; then nothing of it is left there.
 */
export async function writeArchive(
  store: Store,
  rows: AsyncIterable<Uint8Array>,
  about: ArchiveAbout,
  options: WriteOptions = {},
): Promise<WrittenArchive> {
  const { level = 6, recipients = [], signal } = options
  await readRecipients(recipients)
  const fileName = recipients.length === 0 ? eventsName : `${eventsName}.age`
  const [eventsKey, manifestKey] = [`${about.name}/${fileName}`, `${about.name}/${manifestName}`]
  const put: string[] = []
  try {
    const text = new Sum()
    const gzip = new Sum()
    const age = new Sum()
    const records = new Records()
    const compressed = summed(gzipped(read(rows, text, records, options), level), gzip)
    const content = recipients.length === 0 ? compressed : summed(encrypted(compressed, recipients), age)
    await store.put(eventsKey, content, { signal })
    put.push(eventsKey)
    const file: ArchiveFile = {
      name: fileName,
      rows: String(records.events),
      text: text.finish(),
      gzip: { ...gzip.finish(), level },
      age: recipients.length === 0 ? null : { ...age.finish(), recipients },
    }
    const manifest = manifestOf(about, file, sound(records.finish()))
    await readBack(store, eventsKey, file, signal)
    const bytes = Buffer.from(writeManifest(manifest))
    await store.put(manifestKey, one(bytes), { signal })
    put.push(manifestKey)
    const manifestSha256 = sha256(bytes).toString("hex")
    const lying = new Sum()
    for await (const _ of summed(await store.get(manifestKey, { signal }), lying));
    if (lying.finish().sha256 !== manifestSha256) throw unlike(store, manifestKey)
    return {
      manifest,
      manifestSha256,
      records: manifest.records,
      bytes: BigInt(stored(file).bytes) + BigInt(bytes.length),
      events: BigInt(manifest.events),
      files: put,
    }
  } catch (error) {
    // The manifest first: what has none is no archive. What cannot be removed now is listed as an orphan.
    for (const key of put.reverse()) await store.remove(key).catch(() => undefined)
    throw error
  }
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

async function* read(
  rows: AsyncIterable<Uint8Array>,
  text: Sum,
  records: Records,
  { signal, progress }: WriteOptions,
): AsyncGenerator<Uint8Array> {
  const reader = new CopyRows({
    row(row, line) {
      if (row.computed !== row.hash) throw unsound(row)
      records.add(row, line)
    },
    bad(line, why) {
      throw new TrailError("broken", `row ${line} of the partition is no event: ${why}`, {
        hint: "nothing was purged; pgtrail verify tells what is wrong with it",
      })
    },
  })
  for await (const chunk of rows) {
    signal?.throwIfAborted()
    try {
      reader.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
    } catch (error) {
      throw error instanceof BadLine
        ? new TrailError("broken", `a row cannot be archived: ${error.message}`)
        : error
    }
    text.add(chunk)
    progress?.(records.events)
    yield chunk
  }
  if (reader.isOpen) throw new TrailError("connection-lost", "the rows ended in the middle of one")
}

function unsound(row: HashedRow): TrailError {
  const { organization, lane, seq } = placeOf(row)
  const why = row.version === 1 ? "its hash does not fit it" : `its hash version ${row.version} is not known`
  return new TrailError(
    "broken",
    `event ${visible(organization)}/${lane}/${seq} cannot be archived: ${why}`,
    {
      hint: "nothing was purged; pgtrail verify tells what is wrong with it",
    },
  )
}

/** Events of which one does not follow the other never go by one purge. */
function sound(found: FinishedRecords): FinishedRecords {
  const [first] = found.problems
  if (first !== undefined) {
    const where = `${visible(first.organization)}/${first.lane}/${first.seq}`
    throw new TrailError("broken", `event ${where} cannot be archived: ${first.message}`, {
      hint: "nothing was purged; pgtrail verify tells what is wrong with it",
    })
  }
  if (found.events === 0) {
    throw new TrailError("not-found", "there are no events to archive", { hint: "nothing was changed" })
  }
  return found
}

function manifestOf(about: ArchiveAbout, file: ArchiveFile, found: FinishedRecords): ArchiveManifest {
  return {
    schema: "pgtrail.archive/1",
    name: about.name,
    log_id: about.log_id,
    log_ids: about.log_ids,
    incarnation: about.incarnation,
    database: about.database,
    created_by: about.created_by,
    created_at: about.created_at,
    tool_version: version,
    partition: about.partition,
    organization: about.organization,
    due: about.due,
    since: about.since,
    until: about.until,
    columns: eventColumns,
    events: String(found.events),
    oldest_occurred_at: found.oldest ?? "",
    newest_occurred_at: found.newest ?? "",
    records: found.digest,
    lanes: found.lanes,
    files: [file],
    replaces: about.replaces ?? null,
  }
}

/** What lies in the store is what was sent, and opens; what is encrypted may not open here, and is compared as it lies. */
async function readBack(
  store: Store,
  key: string,
  file: ArchiveFile,
  signal: AbortSignal | undefined,
): Promise<void> {
  const lying = new Sum()
  const source = summed(await store.get(key, { signal }), lying)
  if (file.age === null) {
    const text = new Sum()
    const failure = await inflate(source, BigInt(file.text.bytes), (chunk) => {
      signal?.throwIfAborted()
      text.add(chunk)
    })
    if (failure !== undefined || text.finish().sha256 !== file.text.sha256) throw unlike(store, key)
  } else {
    for await (const _ of source) signal?.throwIfAborted()
  }
  if (lying.finish().sha256 !== stored(file).sha256) throw unlike(store, key)
}

const unlike = (store: Store, key: string): TrailError =>
  new TrailError("file", `what was read back of ${key} at ${store.location} is not what was written`, {
    hint: "nothing was purged; its disk, or what lies between, cannot be trusted",
  })
