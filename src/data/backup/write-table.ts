// Reads a table or a partition on the snapshot, in a short transaction, into a file of the backup.
import type { Client } from "pg"
import type { Store } from "../store/store.js"
import { CopyOut } from "./copy-out.js"
import { type CopyOptions, copyOut } from "./copy-read.js"
import type { BackupFile } from "./manifest.js"
import { holdRelation, type Relation } from "./relations.js"
import { Runs } from "./runs.js"
import { onSnapshot } from "./snapshot.js"
import { type FileOptions, writeFile } from "./write-file.js"

export interface TableJob extends FileOptions {
  readonly store: Store
  readonly folder: string
  /** Undefined: the connection is that of the snapshot. */
  readonly snapshot: string | undefined
  /** Quoted by the server; undefined for all. */
  readonly organizationLiteral: string | undefined
  /** How many are written at the same time. */
  readonly jobs: number
  readonly watch: CopyOptions["watch"]
  /** Called now and then with the rows that were read since. */
  readonly counted: (rows: number) => void
}

export interface WrittenTable {
  readonly rows: string
  readonly file: BackupFile
  /** Lines of the list of runs, without the name of the relation; null where none are kept, and of a table. */
  readonly runs: string | null
}

export async function writeTable(
  client: Client,
  relation: Relation,
  stem: string,
  job: TableJob,
): Promise<WrittenTable> {
  const runs = relation.kind === "table" ? undefined : new Runs(job.jobs)
  return await onSnapshot(client, job.snapshot, async () => {
    await holdRelation(client, relation)
    const copy = new CopyOut(copyText(relation, job.organizationLiteral), runs?.add)
    const file = await writeFile(job.store, job.folder, stem, counting(client, copy, job), job)
    return { rows: String(copy.rows), file, runs: runs?.finish() ?? null }
  })
}

async function* counting(client: Client, copy: CopyOut, job: TableJob): AsyncGenerator<Buffer> {
  let told = 0
  for await (const chunk of copyOut(client, copy, job)) {
    job.counted(copy.rows - told)
    told = copy.rows
    yield chunk
  }
}

/** Archives that are in the database are of whatever organizations; nobody can tell by their rows. */
const ofAnybody: ReadonlySet<string> = new Set(["archive_storage", "archive_storage_part"])

/** A partition in physical order, a table in that of its primary key. */
export function copyText(
  { name, quoted, kind, columns, key }: Relation,
  organizationLiteral: string | undefined,
): string {
  const list = columns.map((column) => `"${column.replaceAll('"', '""')}"`).join(", ")
  const isOfOrganization = columns.includes("organization_id") && name !== "act"
  const condition =
    organizationLiteral === undefined
      ? ""
      : isOfOrganization
        ? ` where organization_id = ${organizationLiteral}`
        : ofAnybody.has(name)
          ? " where false"
          : ""
  if (kind !== "table" && condition === "") return `copy ${quoted} (${list}) to stdout`
  const order = kind === "table" && key.length > 0 ? ` order by ${key.join(", ")}` : ""
  return `copy (select ${list} from only ${quoted}${condition}${order}) to stdout`
}
