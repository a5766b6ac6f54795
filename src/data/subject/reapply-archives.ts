// After a restore: the archives whose files still have what the register lists. Told by places, and then by what lies there: an erasure that the
// restored log knows nothing of wrote some anew, under another name.
import type { ClientBase } from "pg"
import { openPlace } from "../archive/files.js"
import { findArchives, readArchiveManifest } from "../archive/read.js"
import type { ConnectionTarget } from "../connection.js"
import { TrailError } from "../errors.js"
import type { Store, StoreContext } from "../store/store.js"
import { manifestOf } from "./orphan-archives.js"

/** there: its files are. gone: nothing of that name is there. replaced: an archive is there that an erasure wrote in its place. */
export type ArchiveFiles = "there" | "gone" | "replaced" | "unknown"

export interface ReapplyArchive extends ListedArchive {
  readonly files: ArchiveFiles
  /** The one in its place. */
  readonly replaced_by: string | null
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
}

/** In the transaction that planned it: what the list has and no entry says, where an archive took it out of the log. */
export async function archivesWithListed(client: ClientBase): Promise<readonly ListedArchive[]> {
  const { rows } = await client.query<
    Record<"name" | "location" | "events" | "restored" | "manifest", string>
  >(
    `with listed as materialized (
       select l.organization_id, l.lane, l.seq, max(l.recorded_until) as recorded_until, exists (
         select from pg_temp.pgtrail_plan p where p.organization_id = l.organization_id and p.lane = l.lane and p.seq = l.seq) as live
       from pg_temp.pgtrail_listed l group by 1, 2, 3
     )
     select a.name, a.location, encode(a.manifest, 'hex') as manifest, count(*) as events, a.restored_seq is not null as restored
     from pgtrail.archive a
     join pgtrail.purge p on p.act_seq = a.act_seq
     join listed l on l.organization_id = p.organization_id and l.lane = p.lane and l.seq <@ p.ranges
       -- After a restore others have the places of what was erased.
       and (l.recorded_until is null or p.oldest_recorded_at <= l.recorded_until)
     where a.removed_seq is null and (a.restored_seq is not null or not l.live)
     group by 1, 2, 3, 5 order by 1`,
  )
  return rows.map(({ name, restored, ...row }) => ({ archive: name, ...row, restored: restored === "t" }))
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

type Lies = Pick<ReapplyArchive, "files" | "replaced_by">

async function filesOf(
  target: ConnectionTarget,
  { archive, location, manifest }: ListedArchive,
  context: StoreContext | undefined,
): Promise<Lies> {
  let store: Store | undefined
  try {
    store = await openPlace(target, location, context)
    const isThere = await readArchiveManifest(store, archive).then(() => true, isGone)
    if (isThere) return { files: "there", replaced_by: null }
    for await (const name of findArchives(store)) {
      const { replaces = null } = (await manifestOf(store, name)) ?? {}
      if (replaces?.name === archive && replaces.manifest_sha256 === manifest)
        return { files: "replaced", replaced_by: name }
    }
    return { files: "gone", replaced_by: null }
  } catch (error) {
    if (error instanceof TrailError && error.code !== "cancelled")
      return { files: "unknown", replaced_by: null }
    throw error
  } finally {
    await store?.close().catch(() => undefined)
  }
}

function isGone(error: unknown): false {
  if (error instanceof TrailError && error.code === "not-found") return false
  throw error
}
