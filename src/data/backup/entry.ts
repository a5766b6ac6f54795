// What lies beside a finished file of a backup that is not finished itself, so that the next run can go on from it.
import { strictText } from "../checkpoint/files.js"
import { TrailError } from "../errors.js"
import { count, hash, object, oneOf, orNull, parseManifest, text, uuid } from "../manifest-form.js"
import type { Store, StoreOptions } from "../store/store.js"
import { type BackupTable, isBackupTable } from "./manifest.js"

const schema = "pgtrail.backup_entry/1"

/** Of 50,000 runs it has 12 MB. */
const largest = 64 * 1024 * 1024

export interface Entry {
  readonly log_id: string
  readonly level: number
  readonly partition: string | null
  readonly organization: string | null
  /** The newest when the file was read, or found unchanged. */
  readonly act: { readonly seq: string; readonly hash: string } | null
  readonly table: BackupTable
  /** Lines of the list of runs, without the name of the relation; null where none are kept. */
  readonly runs: string | null
}

const form = object({
  schema: oneOf(schema),
  log_id: uuid,
  level: (value) => Number.isInteger(value),
  partition: orNull(text),
  organization: orNull(text),
  act: orNull(object({ seq: count, hash })),
  table: (value) => isBackupTable(value),
  runs: orNull(text),
})
const isEntry = (value: unknown): value is Entry => form(value)

export const entryName = (stem: string): string => `${stem}.entry.json`
export const isEntryName = (file: string): boolean => /^[a-z0-9_-]{1,70}\.entry\.json$/.test(file)

export async function writeEntry(
  store: Store,
  key: string,
  entry: Entry,
  options: StoreOptions = {},
): Promise<void> {
  await store.put(key, piecesOf(entry), options)
}

const atOnce = 65_536

/** Runs may be megabytes, which need not be there as JSON as well. */
async function* piecesOf({ runs, ...entry }: Entry): AsyncGenerator<Uint8Array> {
  const before = JSON.stringify({ schema, ...entry }).slice(0, -1)
  yield Buffer.from(`${before},"runs":${runs === null ? "null" : '"'}`)
  for (let at = 0; runs !== null && at < runs.length; at += atOnce)
    yield Buffer.from(JSON.stringify(runs.slice(at, at + atOnce)).slice(1, -1))
  yield Buffer.from(`${runs === null ? "" : '"'}}\n`)
}

/** Undefined where there is none that can be used: then the partition is read again. */
export async function readEntry(
  store: Store,
  key: string,
  options: StoreOptions = {},
): Promise<Entry | undefined> {
  const parts: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const chunk of await store.get(key, options)) {
      parts.push(chunk)
      bytes += chunk.length
      if (bytes > largest) return undefined
    }
  } catch (error) {
    if (error instanceof TrailError && error.code === "not-found") return undefined
    throw error
  }
  const whole = strictText(Buffer.concat(parts))
  const read = whole === undefined ? undefined : parseManifest(whole, "pgtrail.backup_entry", isEntry)
  return read === undefined || "later" in read ? undefined : read.manifest
}
