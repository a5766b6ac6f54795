// What lies with the events of an archive, and says what they are (FORMAT.md).
import { eventColumns } from "../event-columns.js"
import {
  count,
  fileName,
  flag,
  hash,
  list,
  matches,
  object,
  oneOf,
  orNull,
  text,
  uuid,
} from "../manifest-form.js"

export const manifestName = "manifest.json"
export const eventsName = "events.copy.gz"
export const schemaFamily = "pgtrail.archive"

/** Of a folder at the location, and of each file in it: a key is one of the first, a slash, and one of the second. */
export const archiveName = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,199}$/

/** Every count is a string of digits, every hash hex. */
export interface ArchiveManifest {
  readonly schema: "pgtrail.archive/1"
  readonly name: string
  readonly log_id: string
  /** All that a lane may begin with, the present one first. */
  readonly log_ids: readonly string[]
  readonly incarnation: string
  readonly database: string
  /** session_user, and the server's clock on the snapshot. */
  readonly created_by: string
  readonly created_at: string
  readonly tool_version: string
  /** The partition that the events stood in; its bounds are null for DEFAULT. */
  readonly partition: { readonly name: string; readonly since: string | null; readonly until: string | null }
  /** What was asked for. */
  readonly organization: string | null
  readonly due: boolean
  readonly since: string | null
  readonly until: string | null
  readonly columns: readonly string[]
  readonly events: string
  readonly oldest_occurred_at: string
  readonly newest_occurred_at: string
  /** SHA-256 of the records of the purge that these events come to: the digest of its act. */
  readonly records: string
  readonly lanes: readonly ArchiveLane[]
  readonly files: readonly ArchiveFile[]
  /** The archive in whose place this one was written, when values of its events were redacted, and the SHA-256 of that one's manifest. */
  readonly replaces: { readonly name: string; readonly manifest_sha256: string } | null
}

export interface ArchiveLane {
  readonly organization_id: string
  readonly lane: string
  readonly events: string
  /** The lowest and the highest seq. */
  readonly first: string
  readonly last: string
}

export interface ArchiveFile {
  /** As it lies there: with `.age` behind it where it is encrypted. */
  readonly name: string
  readonly rows: string
  readonly text: { readonly bytes: string; readonly sha256: string }
  readonly gzip: { readonly bytes: string; readonly sha256: string; readonly level: number }
  readonly age: {
    readonly bytes: string
    readonly sha256: string
    readonly recipients: readonly string[]
  } | null
}

/** What whoever archives knows before the first event; the rest comes of the events. */
export type ArchiveAbout = Pick<
  ArchiveManifest,
  | "name"
  | "log_id"
  | "log_ids"
  | "incarnation"
  | "database"
  | "created_by"
  | "created_at"
  | "partition"
  | "organization"
  | "due"
  | "since"
  | "until"
> &
  Partial<Pick<ArchiveManifest, "replaces">>

/** What lies there in the end. */
export const stored = ({ gzip, age }: ArchiveFile): { readonly bytes: string; readonly sha256: string } =>
  age ?? gzip

const sized = { bytes: count, sha256: hash }

const form = object({
  schema: oneOf("pgtrail.archive/1"),
  name: matches(archiveName),
  log_id: uuid,
  log_ids: list(uuid),
  incarnation: count,
  database: text,
  created_by: text,
  created_at: text,
  tool_version: text,
  partition: object({ name: text, since: orNull(text), until: orNull(text) }),
  organization: orNull(text),
  due: flag,
  since: orNull(text),
  until: orNull(text),
  columns: list(matches(/^[a-z_]{1,63}$/)),
  events: count,
  oldest_occurred_at: text,
  newest_occurred_at: text,
  records: hash,
  lanes: list(object({ organization_id: text, lane: count, events: count, first: count, last: count })),
  files: list(
    object({
      name: (value) => fileName(value) && matches(archiveName)(value) && value !== manifestName,
      rows: count,
      text: object(sized),
      gzip: object({ ...sized, level: oneOf(1, 2, 3, 4, 5, 6, 7, 8, 9) }),
      age: orNull(object({ ...sized, recipients: list(text) })),
    }),
  ),
  replaces: orNull(object({ name: matches(archiveName), manifest_sha256: hash })),
})

export const isArchiveManifest = (value: unknown): value is ArchiveManifest => form(value)

/** What a manifest says that cannot be: what contradicts itself was not written by pgtrail. */
export function contradictions(manifest: ArchiveManifest, name: string): string[] {
  const { columns, files, lanes, events, log_id, log_ids } = manifest
  const sum = (all: readonly string[]) => all.reduce((total, one) => total + BigInt(one), 0n)
  const found: [boolean, string][] = [
    [
      manifest.name !== name,
      `it is the manifest of ${manifest.name}: it lies in the folder of another archive`,
    ],
    [!log_ids.includes(log_id), "its log is not among those that a lane may begin with"],
    [columns.join() !== eventColumns.join(), "its columns are not those of an event"],
    [sum(files.map(({ rows }) => rows)) !== BigInt(events), "the rows of its files are not its events"],
    [sum(lanes.map((lane) => lane.events)) !== BigInt(events), "the events of its lanes are not its events"],
    [new Set(files.map((file) => file.name)).size !== files.length, "it names a file twice"],
    [files.length === 0, "it names no file"],
    [
      files.some((file) => file.name.endsWith(".age") !== (file.age !== null)),
      "the name of a file says otherwise whether it is encrypted",
    ],
  ]
  return found.filter(([isWrong]) => isWrong).map(([, message]) => message)
}
