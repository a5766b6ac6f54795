// Which backups lie at a place, and in which state each of them is, by what lies there alone.
import { TrailError } from "../errors.js"
import { shellPlace } from "../shell-word.js"
import type { Store, StoreOptions } from "../store/store.js"
import { type Kept, keepName, readKept } from "./keep.js"
import { type BackupManifest, backupName, contradictions, filesOf, manifestName, stored } from "./manifest.js"
import { type ReadBackup, readBackupManifest } from "./open.js"
import { ownSignal } from "./own-signal.js"
import { type FindOptions, isRewritten, rewritten } from "./recorded.js"
import { type BackupResult, damageResult, readResults } from "./results.js"
import { noManifest } from "./unfinished.js"

/**
 * `finished`: its files are there, in the size that its manifest says. `damaged`: they are not, or the manifest is none. `unread`: a later
 * pgtrail wrote it, or its manifest may not be read. `unfinished`: it has no manifest.
 */
export type BackupState = "finished" | "damaged" | "unread" | "unfinished"

export interface FoundBackup {
  readonly name: string
  readonly state: BackupState
  /** What is wrong with it, or what to do with it. */
  readonly problem: string | null
  /** Undefined where there is no manifest that can be read. */
  readonly about: BackupSummary | undefined
  /** When it began, in milliseconds: by its manifest, else by its name. */
  readonly startedAt: number
  /** When something was last written into it, by the store's clock. */
  readonly modifiedAt: number
  /** What lies there, by name. */
  readonly files: ReadonlyMap<string, bigint>
  /** Bytes of files that are being written, or were never finished; a bucket does not tell. */
  readonly partial?: bigint
  /** The newest first. */
  readonly results: readonly BackupResult[]
  readonly kept: Kept | null
  /** The log recorded another manifest of it. */
  readonly isRewritten?: boolean
}

/** Of a manifest; those of a place with years of backups have megabytes of tables together. */
export interface BackupSummary
  extends Pick<
    BackupManifest,
    | "act"
    | "log_id"
    | "incarnation"
    | "database"
    | "started_at"
    | "finished_at"
    | "level"
    | "events"
    | "partition"
    | "organization"
  > {
  /** How many of its files were taken over from another backup. */
  readonly taken_over: number
  readonly encrypted: boolean
}

/** With the manifest that was read, whole. */
export interface ReadFoundBackup extends FoundBackup {
  readonly read: ReadBackup | undefined
}

/** It can be relied on, as far as anybody has looked. */
export const isGood = ({ state, results }: FoundBackup): boolean =>
  state === "finished" && damageResult(results) === undefined

/** Requests to a bucket take their time each. */
const atOnce = 8

/** The newest first. Throws what the store throws where it cannot be read. */
export async function findAllBackups(store: Store, options: FindOptions = {}): Promise<FoundBackup[]> {
  const folders = await foldersIn(store)
  const names = [...folders.keys()].filter((name) => backupName.test(name))
  const found: FoundBackup[] = []
  const next = async (): Promise<void> => {
    const signal = ownSignal(options.signal)
    for (let name = names.pop(); name !== undefined; name = names.pop()) {
      signal.throwIfAborted()
      const folder = folders.get(name)
      if (folder === undefined) continue
      const { read: _, ...one } = await look(store, name, folder, { ...options, signal })
      found.push(one)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, next))
  return found.sort((a, b) => b.startedAt - a.startedAt || (a.name < b.name ? 1 : -1))
}

/** The newest first, by their names, each read when it is asked for. */
export async function* eachBackup(store: Store, options: StoreOptions = {}): AsyncGenerator<ReadFoundBackup> {
  const folders = [...(await foldersIn(store))].filter(([name]) => backupName.test(name))
  for (const [name, folder] of folders.sort(([a], [b]) => (a < b ? 1 : -1))) {
    options.signal?.throwIfAborted()
    yield await look(store, name, folder, options)
  }
}

/** One, which must be there. Throws TrailError `not-found`. */
export async function findBackup(
  store: Store,
  name: string,
  options: StoreOptions = {},
): Promise<ReadFoundBackup> {
  const folder = (await foldersIn(store, `${name}/`)).get(name)
  if (folder !== undefined) return await look(store, name, folder, options)
  throw new TrailError("not-found", `there is no backup ${name} at ${store.location}`, {
    hint: `nothing was done; which are there: pgtrail backup list ${shellPlace(store.location)}`,
  })
}

interface Folder {
  readonly files: Map<string, bigint>
  modified: number
  partial: bigint
  /** Why it may not be looked into. */
  closed?: string
}

async function foldersIn(store: Store, prefix = "backup-"): Promise<Map<string, Folder>> {
  const folders = new Map<string, Folder>()
  const at = (key: string, modified?: string): readonly [Folder, string] => {
    const [name = "", file = ""] = key.split("/")
    const folder = folders.get(name) ?? { files: new Map<string, bigint>(), modified: 0, partial: 0n }
    folders.set(name, folder)
    folder.modified = Math.max(folder.modified, Date.parse(modified ?? "") || 0)
    return [folder, file]
  }
  const closed = (name: string, error: TrailError): void => {
    at(name)[0].closed = error.message
  }
  for await (const { key, bytes, modified } of store.list(prefix, { closed })) {
    const [{ files }, file] = at(key, modified)
    files.set(file, bytes)
  }
  try {
    for await (const { key, bytes, modified } of store.unfinished(prefix, { closed }))
      at(key, modified)[0].partial += bytes
  } catch (error) {
    // Not everybody who may read a bucket may see what is on its way there.
    if (!(error instanceof TrailError)) throw error
  }
  return folders
}

async function look(
  store: Store,
  name: string,
  { files, modified, partial, closed }: Folder,
  options: FindOptions,
): Promise<ReadFoundBackup> {
  const common = { name, files, partial, modifiedAt: modified }
  const kept = files.has(keepName) ? await readKept(store, name, options) : null
  const without = (state: BackupState, problem: string): ReadFoundBackup => ({
    ...common,
    state,
    problem,
    about: undefined,
    read: undefined,
    startedAt: timeOfName(name),
    results: [],
    kept,
  })
  if (closed !== undefined) return without("unread", closed)
  const inItsPlace = files.has(manifestName) ? undefined : await inPlaceOfManifest(store, name)
  if (inItsPlace !== undefined) return without(...inItsPlace)
  if (!files.has(manifestName)) return without("unfinished", noManifest(files.keys()))
  let read: ReadBackup
  try {
    read = await readBackupManifest(store, name, options)
  } catch (error) {
    if (!(error instanceof TrailError)) throw error
    // It may have been removed just now.
    if (error.code === "not-found") return without("unfinished", noManifest(files.keys()))
    if (error.code === "incomplete") return without("unread", error.message)
    if (error.code !== "file") throw error
    return without(error.cause === undefined ? "damaged" : "unread", error.message)
  }
  const isOther = isRewritten(options.recorded, name, read.sha256)
  const problem = isOther ? `its manifest ${rewritten}` : problemOf(read.manifest, name, files)
  return {
    ...common,
    ...(isOther ? { isRewritten: true } : {}),
    state: problem === undefined ? "finished" : "damaged",
    problem: problem ?? null,
    about: summaryOf(read.manifest),
    read,
    startedAt: milliseconds(read.manifest.started_at) ?? timeOfName(name),
    results: await readResults(store, name, { ...options, manifest: read.sha256, files: [...files.keys()] }),
    kept,
  }
}

/** A link, a pipe or a folder is in no list of files, and no backup that was begun has one there. */
async function inPlaceOfManifest(
  store: Store,
  name: string,
): Promise<readonly [BackupState, string] | undefined> {
  try {
    await store.size(`${name}/${manifestName}`)
    return undefined
  } catch (error) {
    if (!(error instanceof TrailError) || error.code !== "file") throw error
    return [error.cause === undefined ? "damaged" : "unread", error.message]
  }
}

function summaryOf(manifest: BackupManifest): BackupSummary {
  const { act, log_id, incarnation, database, started_at, finished_at } = manifest
  const { level, events, partition, organization } = manifest
  return {
    ...{ act, log_id, incarnation, database, started_at, finished_at },
    ...{ level, events, partition, organization },
    taken_over: manifest.tables.filter((table) => table.taken_over !== null).length,
    encrypted: filesOf(manifest).some(({ age }) => age !== null),
  }
}

function problemOf(
  manifest: BackupManifest,
  name: string,
  files: ReadonlyMap<string, bigint>,
): string | undefined {
  const [contradiction] = contradictions(manifest, name)
  if (contradiction !== undefined) return `its manifest cannot be true: ${contradiction}`
  if (milliseconds(manifest.started_at) === undefined) return "its manifest does not say when it began"
  const of = filesOf(manifest)
  const missing = of.filter((file) => !files.has(file.name))
  const [first] = missing
  if (first !== undefined) return `${missing.length} of its ${of.length} files are missing, as ${first.name}`
  const other = of.find((file) => files.get(file.name) !== BigInt(stored(file).bytes))
  if (other === undefined) return undefined
  return `${other.name} has ${files.get(other.name)} bytes, and its manifest says ${stored(other).bytes}`
}

/** Of a time in UTC as a manifest has it. */
export function milliseconds(time: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)$/.test(time)) return undefined
  const found = Date.parse(time)
  return Number.isNaN(found) ? undefined : found
}

export function timeOfName(name: string): number {
  const [, year, month, day, hour, minute, second] =
    /^backup-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-/.exec(name) ?? []
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`) || 0
}
