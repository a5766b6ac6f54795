// Archives of which no act tells, where archives of the log lie: what a run left that was stopped. Whom their events name nobody can tell.
import type { Client } from "pg"
import { removeFiles } from "../archive/files.js"
import { listArchives } from "../archive/list.js"
import type { ArchiveManifest } from "../archive/manifest.js"
import { findArchives, readArchiveManifest } from "../archive/read.js"
import { type ConnectionTarget, withClient } from "../connection.js"
import { TrailError } from "../errors.js"
import { openStore, type Store } from "../store/store.js"
import type { ArchiveAccess, Place } from "./archive-stage.js"
import { type ArchiveRedacted, nothing } from "./archive-told.js"

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

/** Those that may have events of this log, but for those that were told already. What cannot be listed was told with its archives. */
export async function* orphansIn(
  target: ConnectionTarget,
  locations: ReadonlySet<string>,
  { store: context, signal }: ArchiveAccess,
  told: ReadonlySet<string>,
): AsyncGenerator<ArchiveRedacted> {
  for (const location of locations) {
    const listed = await listArchives(target, { at: location, store: context, signal }).catch(passedOver)
    for (const { name, state } of listed) {
      if (state !== "orphan" || told.has(name)) continue
      const isOthers = await isAnothers(target, location, name, { store: context })
      if (isOthers) continue
      const why = `no act tells of it: it is being made, or its run was stopped; where none is at work: pgtrail archive remove ${name} --confirm ${name} --at ${location}`
      yield { ...nothing, archive: name, location, until: null, why }
    }
  }
}

async function isAnothers(
  target: ConnectionTarget,
  location: string,
  name: string,
  { store: context }: ArchiveAccess,
): Promise<boolean> {
  const store = await openStore(location, { ...context, target })
  try {
    const manifest = await manifestOf(store, name)
    return manifest !== undefined && !(await withClient(target, (client) => isOwnLog(client, manifest)))
  } finally {
    await store.close().catch(() => undefined)
  }
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
