// Archives of which no act tells, where archives of the log lie: what a run left that was stopped. Whom their events name nobody can tell.
import type { Client } from "pg"
import { removeFiles } from "../archive/files.js"
import { listArchives } from "../archive/list.js"
import { type ArchiveManifest, manifestName } from "../archive/manifest.js"
import { findArchives, readArchiveManifest } from "../archive/read.js"
import { type ConnectionTarget, withClient } from "../connection.js"
import { TrailError } from "../errors.js"
import { openStore, type Store } from "../store/store.js"
import type { ArchiveAccess, Place } from "./archive-stage.js"

/**
 * Takes away what was written in the place of this very archive, by this database, and is in force nowhere: its run was stopped before its
 * act. In the transaction of a redaction, of which there is one at a time: nobody is at work on it.
 */
export async function removeUnrecorded(client: Client, { store, row }: Place): Promise<void> {
  const names: string[] = []
  for await (const name of findArchives(store)) {
    if (name.startsWith(`${row.partition}-`)) names.push(name)
  }
  for (const name of await unknown(client, names)) {
    const manifest = await manifestOf(store, name)
    if (manifest?.replaces?.name !== row.name || manifest.replaces.manifest_sha256 !== row.manifest) continue
    // Where it cannot be taken away it is told in the end.
    if (await isOwn(client, manifest)) await removeFiles(store, name, "").catch(() => undefined)
  }
}

export interface OrphanArchive {
  readonly archive: string
  readonly location: string
  /** Nobody knows until when it is kept. */
  readonly until: null
  readonly why: string
}

/** Those that may have events of this log, but for those that were told already. What cannot be listed was told with its archives. */
export async function* orphansIn(
  target: ConnectionTarget,
  locations: ReadonlySet<string>,
  { store: context, signal }: ArchiveAccess,
  told: ReadonlySet<string>,
): AsyncGenerator<OrphanArchive> {
  for (const location of locations) {
    const listed = await listArchives(target, { at: location, store: context, signal }).catch(passedOver)
    for (const { name, state } of listed) {
      if (state !== "orphan" || told.has(name)) continue
      const why = await whyThere(target, location, name, { store: context })
      if (why !== undefined) yield { archive: name, location, until: null, why }
    }
  }
}

/** Undefined of what is another log's. */
async function whyThere(
  target: ConnectionTarget,
  location: string,
  name: string,
  { store: context }: ArchiveAccess,
): Promise<string | undefined> {
  const store = await openStore(location, { ...context, target })
  try {
    const manifest = await manifestOf(store, name)
    if (manifest !== undefined && !(await withClient(target, (client) => isOwnLog(client, manifest))))
      return undefined
    for (const before of await withClient(target, (client) => recordedAs(client, location, manifest))) {
      // After a restore the log has the names of before: what stands there is all that is left of these events.
      if ((await store.size(`${before}/${manifestName}`)) === undefined)
        return `it was written in the place of ${before}, whose files are gone, and this log does not know by which act, as after a restore: keep it; pgtrail gdpr reapply`
    }
    return `no act tells of it: it is being made, or its run was stopped; where none is at work: pgtrail archive remove ${name} --confirm ${name} --at ${location}`
  } finally {
    await store.close().catch(() => undefined)
  }
}

/** The archives of the log that one that was written anew has the events of. */
async function recordedAs(
  client: Client,
  location: string,
  manifest: ArchiveManifest | undefined,
): Promise<string[]> {
  if (manifest === undefined || manifest.replaces === null) return []
  const { rows } = await client.query<{ name: string }>(
    `select a.name from pgtrail.archive a join pgtrail.act m on m.organization_id = 'pgtrail' and m.seq = a.act_seq
     where a.removed_seq is null and a.location = $1 and m.digest = decode($2, 'hex')`,
    [location, manifest.records],
  )
  return rows.map(({ name }) => name)
}

function passedOver(error: unknown): readonly never[] {
  if (error instanceof TrailError && error.code !== "cancelled") return []
  throw error
}

async function unknown(client: Client, names: readonly string[]): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    "select n.name from unnest($1::text[]) n (name) where not exists (select from pgtrail.archive a where a.name = n.name)",
    [names],
  )
  return rows.map(({ name }) => name)
}

/** Undefined where there is none that can be read. */
export async function manifestOf(store: Store, name: string): Promise<ArchiveManifest | undefined> {
  try {
    return (await readArchiveManifest(store, name)).manifest
  } catch (error) {
    if (error instanceof TrailError && unread.has(error.code)) return undefined
    throw error
  }
}

const unread: ReadonlySet<string> = new Set(["not-found", "file", "incomplete"])

async function isOwn(client: Client, manifest: ArchiveManifest): Promise<boolean> {
  const { rows } = await client.query<{ own: string }>(
    "select l.log_id = $1 and l.incarnation = $2 and current_database() = $3 as own from pgtrail.log l",
    [manifest.log_id, manifest.incarnation, manifest.database],
  )
  return rows[0]?.own === "t"
}

/** In any of its lives; what a copy of it made since is not its own. */
async function isOwnLog(client: Client, manifest: ArchiveManifest): Promise<boolean> {
  const { rows } = await client.query<{ own: string }>(
    "select exists (select from pgtrail.incarnation i where i.log_id = $1) as own",
    [manifest.log_id],
  )
  return rows[0]?.own === "t"
}
