// After a restore: the archives whose files still have what the register lists. Told by places, and then by what lies there: an erasure that the
// restored log knows nothing of wrote some anew, under another name.
import type { ClientBase } from "pg"
import { openPlace } from "../archive/files.js"
import type { ArchiveManifest } from "../archive/manifest.js"
import { findArchives, readArchiveManifest } from "../archive/read.js"
import type { ConnectionTarget } from "../connection.js"
import { TrailError } from "../errors.js"
import type { Store, StoreContext } from "../store/store.js"
import { manifestOf } from "./orphan-archives.js"

/** there: its files are. gone: nothing of that name is there. replaced: an archive is there that an erasure wrote in its place. */
export type ArchiveFiles = "there" | "gone" | "replaced" | "unknown"

export interface ReapplyArchive extends ListedArchive {
  readonly files: ArchiveFiles
  /** The one in its place; where it was written anew more than once, the newest. */
  readonly replaced_by: string | null
  /** What was written in between and lies there still: it may have what was erased after it. */
  readonly left: readonly string[]
}

export interface ListedArchive {
  readonly archive: string
  readonly location: string
  /** Of those that the register lists. */
  readonly events: string
  /** Its events came back into the log, and lie in its files too. */
  readonly restored: boolean
  /** sha256 of its manifest. */
  readonly manifest: string
  /** Of which it is, and the digest of the records of its events, which no redaction changes. */
  readonly partition: string
  readonly records: string | null
}

/** In the transaction that planned it: what the list has and no entry says, where an archive took it out of the log. */
export async function archivesWithListed(client: ClientBase): Promise<readonly ListedArchive[]> {
  const { rows } = await client.query<
    Record<"name" | "location" | "events" | "restored" | "manifest" | "partition", string> & {
      records: string | null
    }
  >(
    `with listed as materialized (
       select l.organization_id, l.lane, l.seq, max(l.recorded_until) as recorded_until, exists (
         select from pg_temp.pgtrail_plan p where p.organization_id = l.organization_id and p.lane = l.lane and p.seq = l.seq) as live
       from pg_temp.pgtrail_listed l group by 1, 2, 3
     )
     select a.name, a.location, encode(a.manifest, 'hex') as manifest, count(*) as events, a.restored_seq is not null as restored,
       a.partition_name as partition, (
         select encode(m.digest, 'hex') from pgtrail.act m where m.organization_id = 'pgtrail' and m.seq = a.act_seq) as records
     from pgtrail.archive a
     join pgtrail.purge p on p.act_seq = a.act_seq
     join listed l on l.organization_id = p.organization_id and l.lane = p.lane and l.seq <@ p.ranges
       -- After a restore others have the places of what was erased.
       and (l.recorded_until is null or p.oldest_recorded_at <= l.recorded_until)
     where a.removed_seq is null and (a.restored_seq is not null or not l.live)
     group by 1, 2, 3, 5, 6, 7 order by 1`,
  )
  return rows.map(({ name, restored, ...row }) => ({ archive: name, ...row, restored: restored === "t" }))
}

/** Of erasures and of pseudonymizations, each once. */
export function archivesOf(...all: readonly (readonly ListedArchive[])[]): readonly ListedArchive[] {
  const most = new Map<string, ListedArchive>()
  for (const one of all.flat()) {
    if (BigInt(most.get(one.archive)?.events ?? "0") < BigInt(one.events)) most.set(one.archive, one)
  }
  return [...most.values()].sort((a, b) => (a.archive < b.archive ? -1 : 1))
}

/** What lies there. Not within a transaction: a place may be far away. */
export async function lookedAt(
  target: ConnectionTarget,
  archives: readonly ListedArchive[],
  context: StoreContext | undefined,
): Promise<readonly ReapplyArchive[]> {
  const looked: ReapplyArchive[] = []
  for (const archive of archives) looked.push({ ...archive, ...(await filesOf(target, archive, context)) })
  return looked
}

type Lies = Pick<ReapplyArchive, "files" | "replaced_by" | "left">

const lying = (files: ArchiveFiles): Lies => ({ files, replaced_by: null, left: [] })

async function filesOf(
  target: ConnectionTarget,
  listed: ListedArchive,
  context: StoreContext | undefined,
): Promise<Lies> {
  let store: Store | undefined
  try {
    store = await openPlace(target, listed.location, context)
    const isThere = await readArchiveManifest(store, listed.archive).then(() => true, isGone)
    if (isThere) return lying("there")
    const written = await writtenFor(store, listed)
    const replaced = new Set(written.map(({ replaces }) => replaces?.name))
    // The one that no other took the place of; the names have the time.
    const [newest, ...others] = written.sort(
      (a, b) => Number(replaced.has(a.name)) - Number(replaced.has(b.name)) || (a.name < b.name ? 1 : -1),
    )
    if (newest === undefined) return lying("gone")
    return { files: "replaced", replaced_by: newest.name, left: others.map(({ name }) => name).sort() }
  } catch (error) {
    if (error instanceof TrailError && error.code !== "cancelled") return lying("unknown")
    throw error
  } finally {
    await store?.close().catch(() => undefined)
  }
}

/** What erasures wrote in its place. One that was replaced itself took the manifest along that tied them together: then its events tell. */
async function writtenFor(
  store: Store,
  { archive, manifest, partition, records }: ListedArchive,
): Promise<ArchiveManifest[]> {
  const written: ArchiveManifest[] = []
  for await (const name of findArchives(store)) {
    if (!name.startsWith(`${partition}-`)) continue
    const found = await manifestOf(store, name)
    if (found === undefined || found.replaces === null) continue
    const isNext = found.replaces.name === archive && found.replaces.manifest_sha256 === manifest
    if (isNext || found.records === records) written.push(found)
  }
  return written
}

function isGone(error: unknown): false {
  if (error instanceof TrailError && error.code === "not-found") return false
  throw error
}
