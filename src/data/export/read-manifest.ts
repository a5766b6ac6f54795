// Reads a manifest that anybody may have written: every member that is relied on has its form, or the whole is refused.
import { stat } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { sha256 } from "../canonical.js"
import { readSmall, strictText } from "../checkpoint/files.js"
import { TrailError } from "../errors.js"
import {
  count,
  fileName,
  flag,
  hash,
  list,
  matches,
  object,
  oneOf,
  orMissing,
  orNull,
  parseManifest,
  text,
  uuid,
} from "../manifest-form.js"
import { type Manifest, manifestName } from "./manifest.js"

/** Far more than the lanes and gaps of any log take. */
const largest = 256 * 1024 * 1024
const largestNote = 65_536

export interface ReadManifest {
  readonly manifest: Manifest
  /** Where its files lie, and its own name there. */
  readonly folder: string
  readonly name: string
  /** Of the file; hex. */
  readonly sha256: string
  /** The signed note beside it. */
  readonly note: string | undefined
}

/**
 * Of the folder of an export, or the manifest beside the answer of a query. Throws TrailError `file` where there is none that can be read,
 * `incomplete` for one of a later pgtrail.
 */
export async function readManifest(at: string): Promise<ReadManifest> {
  const isFile = await stat(at).then(
    (found) => found.isFile(),
    () => false,
  )
  const path = isFile ? at : join(at, manifestName)
  const bytes = await readSmall(path, largest)
  const text = bytes === undefined ? undefined : strictText(bytes)
  const manifest = text === undefined ? undefined : parse(text, path)
  if (bytes === undefined || manifest === undefined) throw noManifest(path)
  return {
    manifest,
    folder: dirname(path),
    name: basename(path),
    sha256: sha256(bytes).toString("hex"),
    note: await readNote(path),
  }
}

/** The note beside a manifest; undefined where there is none. */
export async function readNote(path: string): Promise<string | undefined> {
  const note = await readSmall(`${path}.sig`, largestNote).catch((error: unknown) => {
    if (error instanceof TrailError && (error.cause as NodeJS.ErrnoException).code === "ENOENT") return null
    throw error
  })
  // One that is too long is none, and is judged as such.
  return note === null ? undefined : note === undefined ? "" : (strictText(note) ?? "")
}

function noManifest(path: string): TrailError {
  return new TrailError("file", `${path} is no manifest of an export`, {
    hint: "name the folder that pgtrail export create wrote, or compare it with another copy",
  })
}

function parse(text: string, path: string): Manifest | undefined {
  const read = parseManifest(text, "pgtrail.export", isManifest)
  if (read !== undefined && "later" in read) {
    throw new TrailError("incomplete", `${path} was written by a later pgtrail`, {
      hint: "nothing was checked; use a pgtrail of at least that version",
    })
  }
  return read?.manifest
}

const verification = object({
  act: orNull(count),
  verdict: text,
  findings: count,
  recorded_at: text,
  made_for_export: flag,
})
const gap = object({
  first: count,
  last: count,
  outside: count,
  unexplained: count,
  purged: orNull(list(object({ act: count, events: count }))),
})

const form = object({
  schema: oneOf("pgtrail.export/1"),
  kind: oneOf("evidence", "extract"),
  source: oneOf("export", "query"),
  checks: oneOf("chain", "hashes", "files"),
  statement: list(text),
  log_id: uuid,
  log_ids: list(uuid),
  incarnation: count,
  database: text,
  created_by: text,
  created_at: text,
  tool_version: text,
  zone: oneOf("UTC"),
  format: oneOf("csv", "ndjson", "xml"),
  excel: flag,
  columns: list(matches(/^[a-z_]{1,63}$/)),
  excluded: list(oneOf("identity", "content")),
  filters: object({
    organization: orMissing((value) => text(value) || list(text)(value)),
    since: orMissing(text),
    until: orMissing(text),
  }),
  typed: orNull(text),
  sample: orMissing(object({ size: count, seed: text, population: count })),
  population: object({ events: count, exported: count, omitted: count }),
  detached: orMissing(list(object({ name: text, since: text, until: text }))),
  lanes: list(
    object({
      organization_id: text,
      lane: count,
      events: count,
      first: object({ seq: count, previous_hash: hash, hash }),
      last: object({ seq: count, hash }),
      missing: orNull(list(gap)),
    }),
  ),
  absent_lanes: orMissing(list(object({ organization_id: text, lane: count, missing: orNull(list(gap)) }))),
  purges: orNull(
    list(
      object({
        act: count,
        organization_id: text,
        events: count,
        oldest_occurred_at: text,
        newest_occurred_at: text,
      }),
    ),
  ),
  verification: orNull(verification),
  checkpoint: orNull(
    object({ act: orNull(count), time: text, digest: hash, key: orNull(text), covered_lanes: orNull(count) }),
  ),
  files: list(object({ name: fileName, rows: count, bytes: count, sha256: hash })),
})

const isManifest = (value: unknown): value is Manifest => form(value)
