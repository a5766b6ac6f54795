// The tables of a log as a backup has them, for the same judges that read a database. Nothing is kept but what few rows take.
import { decrypted } from "../archive/age.js"
import { gunzipped } from "../archive/gunzipped.js"
import type { PurgeRecord } from "../purge/records.js"
import type { Store } from "../store/store.js"
import type { DetachedRow, EntryRow, LogTables, Ordered } from "../verify/log-tables.js"
import { linesOf, unlike, valuesOf } from "./copy-text.js"
import { LanesOfPurges } from "./lanes-of-purges.js"
import type { BackupFile, BackupManifest, BackupTable } from "./manifest.js"
import type { ReadBackupOptions } from "./open.js"
import { archiveColumns, archiveRows, newestHeads, type Row, withActs } from "./verify-joins.js"

/** Bytes of a table that is wanted whole. */
const largestTable = 32 * 1024 * 1024

export interface TableSource extends ReadBackupOptions {
  readonly store: Store
  readonly manifest: Pick<BackupManifest, "name" | "tables" | "started_at">
  /** Tables whose files could not be read to their ends: whoever asks for one is told so. */
  readonly unreadable: ReadonlyMap<string, string>
}

/** Of any table that the backup has; `columns`: none for all. */
export function rowsOfTable(
  source: TableSource,
  name: string,
  columns: readonly string[],
): AsyncGenerator<Row> {
  const table = source.manifest.tables.find((one) => one.name === name)
  const unread = source.unreadable.get(name)
  if (table?.kind !== "table") throw unlike("the backup", `it does not have the table ${name}`)
  if (unread !== undefined) throw unlike(table.file.name, `it ${unread}`)
  return rowsOf(source, table, columns)
}

export function backupTables(source: TableSource): LogTables {
  const tables = new Map(source.manifest.tables.map((table) => [table.name, table]))
  const has = (name: string): boolean => tables.get(name)?.kind === "table"
  const rows = (name: string, columns: readonly string[]) => rowsOfTable(source, name, columns)
  const all = async (name: string, columns: readonly string[]): Promise<Row[]> => {
    const list: Row[] = []
    let size = 0
    for await (const row of rows(name, columns)) {
      for (const value of Object.values(row)) size += 16 + (value?.length ?? 0)
      if (size > largestTable)
        throw unlike(tables.get(name)?.file.name ?? name, "it is larger than that of any log")
      list.push(row)
    }
    return list
  }
  const purges = (): AsyncIterable<PurgeRecord> => purgesOf(rows, tables.get("purge")?.columns ?? [])
  const lanes = new LanesOfPurges(purges)
  return {
    has: async (table) => has(table),
    async all<T>(table: Ordered, columns: readonly string[]) {
      if (table !== "log") return (await all(table, columns)) as T[]
      // By its key it would be in another order than a database is asked for.
      const list = await all(table, [])
      return list.sort((a, b) => ((a.created_at ?? "") < (b.created_at ?? "") ? -1 : 1)) as T[]
    },
    rows: <T>(table: Ordered, columns: readonly string[]) => rows(table, columns) as AsyncIterable<T>,
    heads: async () => await newestHeads(rows("chain_head", ["organization_id", "lane", "seq", "hash"])),
    acts: () => rows("act", []),
    signatures: async () => {
      if (!has("act_signature")) return []
      const list = await all("act_signature", ["organization_id", "seq", "signature"])
      return await withActs(list, rows("act", ["organization_id", "seq", "kind", "hash", "recorded_at"]))
    },
    detached: async () =>
      (await all("detached_partition", ["name", "since", "until", "act_seq"])).map((row) => {
        const there = tables.get(row.name ?? "")
        const is = {
          is_there: there === undefined ? "f" : "t",
          is_attached: there?.kind === "partition" ? "t" : "f",
        }
        return { ...row, ...is } as DetachedRow
      }),
    archives: async () => await archiveRows(await all("archive", archiveColumns), purges()),
    entries: () => entriesOf(rows("redaction_entry", entryColumns)),
    purges: (organization) => only(purges(), organization),
    purgesOf: async (organization, lane) => await lanes.of(organization, lane),
    // A backup has no later acts than its own.
    laterPurge: async () => undefined,
    isBack: async () => false,
    now: async () => source.manifest.started_at,
  }
}

/** Uncompressed, of a file that was found to hold no more than its manifest says. */
export async function* textOf(
  { store, manifest, identities = [], signal }: Omit<TableSource, "unreadable">,
  file: BackupFile,
): AsyncGenerator<Buffer> {
  const key = `${manifest.name}/${file.name}`
  const lying = await store.get(key, { signal })
  const most = BigInt(file.text.bytes)
  let bytes = 0
  for await (const chunk of gunzipped(file.age === null ? lying : decrypted(lying, identities), key)) {
    signal?.throwIfAborted()
    bytes += chunk.length
    if (BigInt(bytes) > most) throw unlike(file.name, "it holds more than its manifest says")
    yield chunk
  }
}

/** `columns`: none for all of them, as they stand in the table. */
async function* rowsOf(
  source: TableSource,
  { columns: all, file }: BackupTable,
  columns: readonly string[],
): AsyncGenerator<Row> {
  const wanted = (columns.length === 0 ? all : columns).map(
    (column) => [column, all.indexOf(column)] as const,
  )
  const lacking = wanted.find(([, at]) => at === -1)
  if (lacking !== undefined) throw unlike(file.name, `it has no column ${lacking[0]}`)
  let line = 0
  for await (const bytes of linesOf(textOf(source, file), file.name)) {
    line += 1
    const values = valuesOf(bytes)
    if (values.length !== all.length)
      throw unlike(file.name, `line ${line} has ${values.length} columns instead of ${all.length}`)
    yield Object.fromEntries(wanted.map(([column, at]) => [column, values[at] ?? null]))
  }
}

const entryColumns = [
  "organization_id",
  "lane",
  "seq",
  "group_name",
  "number",
  "fields",
  "old_digest",
  "new_digest",
]

async function* entriesOf(rows: AsyncIterable<Row>): AsyncGenerator<EntryRow> {
  for await (const row of rows) {
    yield {
      organization: row.organization_id ?? "",
      lane: row.lane ?? "",
      seq: row.seq ?? "",
      group: row.group_name ?? "",
      number: Number(row.number),
      fields: row.fields ?? "{}",
      oldDigest: row.old_digest?.slice(2) ?? "",
      newDigest: row.new_digest?.slice(2) ?? "",
    }
  }
}

async function* purgesOf(
  rows: (name: string, columns: readonly string[]) => AsyncIterable<Row>,
  columns: readonly string[],
): AsyncGenerator<PurgeRecord> {
  const older = columns.includes("restored_seq") ? {} : { restored_seq: null }
  for await (const row of rows("purge", [])) yield { ...older, ...row } as unknown as PurgeRecord
}

async function* only(
  rows: AsyncIterable<PurgeRecord>,
  organization: string | undefined,
): AsyncGenerator<PurgeRecord> {
  for await (const row of rows)
    if (organization === undefined || row.organization_id === organization) yield row
}
