// What lies with the files of a backup, and says what they are (FORMAT.md).
import { createHash } from "node:crypto"
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
  text,
  uuid,
} from "../manifest-form.js"
import { isStatement } from "./beside.js"

export const manifestName = "manifest.json"
export const schemaFamily = "pgtrail.backup"

/** Of a folder at the location: backup-20261122T013000Z-a1b2c3. */
export const backupName = /^backup-\d{8}T\d{6}Z-[0-9a-f]{6}$/

/** Every count is a string of digits, every hash hex, every time as PostgreSQL's JSON writes it, in UTC. */
export interface BackupManifest {
  readonly schema: "pgtrail.backup/1"
  readonly name: string
  readonly log_id: string
  /** All that a lane may begin with, the present one first. */
  readonly log_ids: readonly string[]
  readonly incarnation: string
  readonly database: string
  readonly server_version: string
  readonly is_standby: boolean
  readonly tool_version: string
  /** Number of the newest migration, and whether the log has the roles of pgtrail. */
  readonly level: number
  readonly has_roles: boolean
  /** session_user. */
  readonly created_by: string
  /** The server's clock on the snapshot, and when the last file was written. */
  readonly started_at: string
  readonly finished_at: string
  /** What it was limited to; both null: it is the whole log, and can be restored as one. */
  readonly partition: string | null
  readonly organization: string | null
  /** The newest act that is in it; null of a log without acts. */
  readonly act: { readonly seq: string; readonly hash: string } | null
  /** The newest act of a checkpoint that is in it, and the digest of its heads. */
  readonly checkpoint: { readonly act: string; readonly recorded_at: string; readonly digest: string } | null
  /** The newest heads (file `heads`): how many, the sum of their seq, and their digest as checkpoints have it. */
  readonly heads: { readonly lanes: string; readonly events: string; readonly digest: string }
  /** Rows of all partitions, also of detached ones. */
  readonly events: string
  readonly tables: readonly BackupTable[]
  /** What was on the log's tables and is in no file, as SQL (beside.ts); missing in a backup of a pgtrail that did not look. */
  readonly beside?: readonly string[] | undefined
  /** `heads` and `runs`: never encrypted, as the manifest is not. */
  readonly lists: readonly BackupList[]
  /** SHA-256 over the JSON of all other members: a byte that flipped shows. Whoever means harm can compute it anew; the act `backup` has the sha256 of the file. */
  readonly digest?: string | undefined
}

/** A table or a partition: COPY text of `columns` of all its rows, or of those that the backup was limited to. */
export interface BackupTable {
  /** As it is called in the schema pgtrail. */
  readonly name: string
  readonly kind: "table" | "partition" | "detached"
  /** Of a partition that is not DEFAULT: as pg_get_expr writes them, MINVALUE and MAXVALUE as -infinity and infinity. */
  readonly since: string | null
  readonly until: string | null
  readonly columns: readonly string[]
  readonly rows: string
  readonly file: BackupFile
  /** Only of partitions: by what it is told whether anything in it has changed (taken-over.ts). */
  readonly state: PartitionState | null
  /** The backup that the file was taken over from, and the act that was the newest when it was read; null: it was read for this one. */
  readonly taken_over: { readonly backup: string; readonly act: string } | null
}

export interface PartitionState {
  /** SHA-256 over the lowest and the highest seq of each lane in it, and the hashes of these events. */
  readonly places: string
  /** Entries of redactions between these places. */
  readonly redactions: string
}

export interface BackupFile {
  /** As it lies there: with `.age` behind it where it is encrypted. */
  readonly name: string
  readonly text: Sized
  readonly gzip: Sized & { readonly level: number }
  readonly age: (Sized & { readonly recipients: readonly string[] }) | null
}

export interface BackupList {
  readonly name: "heads" | "runs"
  readonly rows: string
  readonly file: BackupFile
}

export interface Sized {
  readonly bytes: string
  readonly sha256: string
}

/** What lies there in the end. */
export const stored = ({ gzip, age }: BackupFile): Sized => age ?? gzip

/** All files but the manifest. */
export const filesOf = ({ tables, lists }: BackupManifest): readonly BackupFile[] =>
  [...lists, ...tables].map(({ file }) => file)

export const isWhole = ({
  partition,
  organization,
}: Pick<BackupManifest, "partition" | "organization">): boolean => partition === null && organization === null

const sized = { bytes: count, sha256: hash }
const file = object({
  name: (value) =>
    fileName(value) && matches(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/)(value) && value !== manifestName,
  text: object(sized),
  gzip: object({ ...sized, level: oneOf(1, 2, 3, 4, 5, 6, 7, 8, 9) }),
  age: orNull(object({ ...sized, recipients: list(text) })),
})
const isLevel = (value: unknown): boolean =>
  Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 9999

const table = object({
  name: matches(/^[^\0]{1,63}$/u),
  kind: oneOf("table", "partition", "detached"),
  since: orNull(text),
  until: orNull(text),
  columns: list(matches(/^[a-z_][a-z0-9_]{0,62}$/)),
  rows: count,
  file,
  state: orNull(object({ places: hash, redactions: count })),
  taken_over: orNull(object({ backup: matches(backupName), act: count })),
})
export const isBackupTable = (value: unknown): value is BackupTable => table(value)

const form = object({
  schema: oneOf("pgtrail.backup/1"),
  name: matches(backupName),
  log_id: uuid,
  log_ids: list(uuid),
  incarnation: count,
  database: text,
  server_version: text,
  is_standby: flag,
  tool_version: text,
  level: isLevel,
  has_roles: flag,
  created_by: text,
  started_at: text,
  finished_at: text,
  partition: orNull(text),
  organization: orNull(text),
  act: orNull(object({ seq: count, hash })),
  checkpoint: orNull(object({ act: count, recorded_at: text, digest: hash })),
  heads: object({ lanes: count, events: matches(/^(?:0|[1-9]\d{0,38})$/), digest: hash }),
  events: count,
  tables: list(table),
  beside: orMissing(list(isStatement)),
  lists: list(object({ name: oneOf("heads", "runs"), rows: count, file })),
  digest: orMissing(hash),
})

export const isBackupManifest = (value: unknown): value is BackupManifest => form(value)

const digestOf = ({ digest: _, ...others }: BackupManifest): string =>
  createHash("sha256").update(JSON.stringify(others)).digest("hex")

/** With its digest, as the last member. */
export const sealed = (manifest: BackupManifest): BackupManifest => ({
  ...manifest,
  digest: digestOf(manifest),
})

const largestAct = 2n ** 63n - 1n

/** What a manifest says that cannot be: what contradicts itself was not written by pgtrail. */
export function contradictions(manifest: BackupManifest, name: string): string[] {
  const { tables, lists, log_id, log_ids, events } = manifest
  const files = filesOf(manifest)
  const ofEvents = tables.filter(({ kind }) => kind !== "table")
  const found: [boolean, string][] = [
    [
      manifest.name !== name,
      `it is the manifest of ${manifest.name}: it lies in the folder of another backup`,
    ],
    [
      [manifest.act?.seq, manifest.checkpoint?.act].some((act) => BigInt(act ?? "0") > largestAct),
      "the number of an act is beyond any that a log has",
    ],
    [!log_ids.includes(log_id), "its log is not among those that a lane may begin with"],
    [new Set(tables.map((table) => table.name)).size !== tables.length, "it names a table twice"],
    [new Set(files.map((one) => one.name.toLowerCase())).size !== files.length, "it names a file twice"],
    [
      lists.map((one) => one.name).join() !== "heads,runs",
      "it does not have the two lists of heads and runs",
    ],
    [lists.some((one) => one.file.age !== null), "a list is encrypted"],
    [
      ofEvents.reduce((sum, { rows }) => sum + BigInt(rows), 0n) !== BigInt(events),
      "the rows of its partitions are not its events",
    ],
    [
      files.some((one) => one.name.endsWith(".age") !== (one.age !== null)),
      "the name of a file says otherwise whether it is encrypted",
    ],
    [
      manifest.digest !== undefined && manifest.digest !== digestOf(manifest),
      "its digest is not that of the rest of it: it was altered",
    ],
  ]
  return found.filter(([isWrong]) => isWrong).map(([, message]) => message)
}
