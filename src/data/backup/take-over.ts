// Which files of earlier backups, finished or not, are still what a partition holds, so that it need not be read again.
import type { Client } from "pg"
import type { Store, StoreOptions } from "../store/store.js"
import { type Entry, isEntryName, readEntry } from "./entry.js"
import { eachBackup, isGood } from "./list.js"
import { type BackupTable, type PartitionState, stored } from "./manifest.js"
import { isRewritten, type Recorded, readRecorded } from "./recorded.js"
import type { Relation } from "./relations.js"
import { badResult } from "./results.js"
import type { Snapshot } from "./snapshot.js"

/** What a run takes over must be of the same. */
export interface Scope {
  readonly partition: string | null
  readonly organization: string | null
  readonly recipients: readonly string[]
}

/** A backup whose files may be taken over. */
export interface Source {
  readonly backup: string
  readonly level: number
  readonly act: { readonly seq: string; readonly hash: string } | null
  readonly table: BackupTable
  /** Of an unfinished one the entry has the runs, of a finished one its list. */
  readonly entry: string | undefined
}

/** By the name of the partition, the newest first. */
export type Sources = ReadonlyMap<string, readonly Source[]>

export interface FoundSources {
  readonly sources: Sources
  /** Stored bytes of each table in the newest finished backup of this log. */
  readonly sizes: ReadonlyMap<string, bigint>
}

/** Of one finished backup, which has everything, and of what was begun since. `client`: of the log, on the snapshot. */
export async function findSources(
  client: Client,
  store: Store,
  logId: string,
  scope: Scope,
  options: StoreOptions,
): Promise<FoundSources> {
  const sources = new Map<string, Source[]>()
  const add = (source: Source): void => {
    sources.set(source.table.name, [...(sources.get(source.table.name) ?? []), source])
  }
  const isOfScope = ({ partition, organization }: Pick<Entry, "partition" | "organization">): boolean =>
    partition === scope.partition && organization === scope.organization
  let sizes: ReadonlyMap<string, bigint> | undefined
  let until = 0
  let recorded: Recorded | undefined
  for await (const found of eachBackup(store, options)) {
    const { name: backup, files, read } = found
    // The name of one that is not finished has its second alone: it may have begun after the finished one that comes first.
    if (sizes !== undefined && (found.state !== "unfinished" || found.startedAt < until)) break
    const isThere = ({ file }: BackupTable): boolean => files.get(file.name) === BigInt(stored(file).bytes)
    if (found.state === "unfinished") {
      for (const file of files.keys()) {
        if (!isEntryName(file)) continue
        const entry = await readEntry(store, `${backup}/${file}`, options)
        if (entry === undefined || entry.log_id !== logId || !isOfScope(entry) || !isThere(entry.table))
          continue
        const { level, act, table } = entry
        add({ backup, level, act, table, entry: file })
      }
      continue
    }
    // What a verification found may have come with the file of one partition; another may have it right.
    if (read === undefined || !isGood(found) || badResult(found.results) !== undefined) continue
    const { manifest } = read
    if (manifest.log_id !== logId || !isOfScope(manifest)) continue
    recorded ??= await readRecorded(client)
    // It can vouch for other files.
    if (isRewritten(recorded, backup, read.sha256)) continue
    const { level, act } = manifest
    const partitions = manifest.tables.filter(({ kind }) => kind !== "table")
    for (const table of partitions) if (isThere(table)) add({ backup, level, act, table, entry: undefined })
    sizes = new Map(manifest.tables.map((table) => [table.name, BigInt(stored(table.file).bytes)]))
    until = found.startedAt - 1000
  }
  return { sources, sizes: sizes ?? new Map() }
}

/** The acts since then by which a partition may hold other events at the same places. */
interface Change {
  readonly seq: bigint
  /** Null: whichever. */
  readonly partition: string | null
}

export interface Changes {
  /** Hashes of the acts that sources name, as they are in this log. */
  readonly hashes: ReadonlyMap<string, string>
  readonly changes: readonly Change[]
}

/** On the snapshot. */
export async function readChanges(client: Client, all: readonly Pick<Source, "act">[]): Promise<Changes> {
  const seqs = [...new Set(all.map(({ act }) => act?.seq ?? "0"))]
  if (seqs.length === 0) return { hashes: new Map(), changes: [] }
  const hashes = await client.query<{ seq: string; hash: string }>(
    "select a.seq, encode(a.hash, 'hex') as hash from pgtrail.act a where a.seq = any ($1::bigint[])",
    [seqs],
  )
  const changes = await client.query<{ seq: string; partition: string | null }>(
    `select a.seq, a.parameters ->> 'partition' as partition from pgtrail.act a
     where a.seq > (select min(s.seq) from unnest($1::bigint[]) s (seq))
       and (a.kind in ('purge', 'attach', 'detach', 'incarnation') or a.kind = 'restore' and a.parameters ->> 'schema' is null)
     order by a.seq`,
    [seqs],
  )
  return {
    hashes: new Map(hashes.rows.map(({ seq, hash }) => [seq, hash])),
    changes: changes.rows.map(({ seq, partition }) => ({ seq: BigInt(seq), partition })),
  }
}

/** Whether the file of `source` is what the partition holds on the snapshot. Of DEFAULT no act tells what was moved out of it. */
export function isUnchanged(
  relation: Relation,
  state: PartitionState,
  source: Pick<Source, "act" | "level" | "table">,
  { level }: Pick<Snapshot, "level">,
  { recipients }: Pick<Scope, "recipients">,
  { hashes, changes }: Changes,
): boolean {
  const { act, table } = source
  const since = BigInt(act?.seq ?? "0")
  return (
    !relation.isDefault &&
    source.level === level &&
    table.kind === relation.kind &&
    table.since === relation.since &&
    table.until === relation.until &&
    table.columns.join() === relation.columns.join() &&
    (table.file.age?.recipients ?? []).join() === recipients.join() &&
    table.state?.places === state.places &&
    table.state.redactions === state.redactions &&
    (act === null || hashes.get(act.seq) === act.hash) &&
    !changes.some(({ seq, partition }) => seq > since && (partition === null || partition === relation.name))
  )
}
