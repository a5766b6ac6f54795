// What is refused before a database is asked: backups that are not whole, not what their manifest says, of a later level, or without a key.
import { TrailError } from "../errors.js"
import { eventColumns } from "../event-columns.js"
import { type Version, versionAt, versions } from "../sql-files.js"
import type { Store } from "../store/store.js"
import { version as tool } from "../version.js"
import { unborne } from "./borne-out.js"
import { linesOf, valuesOf } from "./copy-text.js"
import { refuseLater } from "./later.js"
import {
  type BackupManifest,
  type BackupTable,
  contradictions,
  filesOf,
  isWhole,
  stored,
} from "./manifest.js"
import { altered, backupText, needManifest } from "./open.js"
import { nothingRestored, type RestoreBackupOptions } from "./restore-options.js"
import { wrongClaims } from "./verify-claims.js"

export interface BackupToRestore {
  readonly store: Store
  readonly name: string
  readonly manifest: BackupManifest
  /** Of the manifest; hex. */
  readonly sha256: string
  /** Whose code the log had. */
  readonly version: Version
  /** What is to be loaded: all, or what was chosen. */
  readonly tables: readonly BackupTable[]
  /** What pgtrail.setting says. */
  readonly settings: ReadonlyMap<string, string>
}

/** Rows of these exist only while a transaction is at work; with one, anybody could write past a guard. */
const momentary: readonly string[] = ["sealing", "redacting"]

export async function openBackup(
  store: Store,
  name: string,
  options: RestoreBackupOptions,
): Promise<BackupToRestore> {
  const { manifest, sha256 } = await needManifest(store, name, { signal: options.signal })
  const [contradiction] = contradictions(manifest, name)
  if (contradiction !== undefined)
    throw broken(`the manifest of ${name} contradicts itself: ${contradiction}`)
  const version = versionOf(manifest)
  refusePart(manifest, options)
  refuseForm(manifest)
  const [wrong] = wrongClaims(manifest)
  if (wrong !== undefined) throw broken(`the manifest of ${name} contradicts itself: ${wrong}`)
  const tables = chosen(manifest, options)
  const lacking = await wrongFile(store, manifest, tables)
  if (lacking !== undefined) throw broken(lacking)
  const settings = await readSettings(store, manifest, options)
  await refuseOtherLog(store, manifest, options)
  const claim = await unborne(store, manifest, options)
  if (claim !== undefined) throw broken(`the manifest of ${name} ${claim}`)
  return { store, name, manifest, sha256, version, tables, settings }
}

function versionOf(manifest: BackupManifest): Version {
  refuseLater(manifest, nothingRestored)
  const { name, level, tool_version } = manifest
  const found = versionAt(level)
  if (found !== undefined) return found
  const newest = Math.max(...versions().map(({ number }) => number))
  throw new TrailError(
    "newer-schema",
    `${name} is of a log at migration ${level}, and this pgtrail ${tool} knows 1 to ${newest}`,
    { hint: `${nothingRestored}; use pgtrail ${tool_version} or later` },
  )
}

function refusePart(manifest: BackupManifest, options: RestoreBackupOptions): void {
  const { schema, partition, organization, since, until } = options
  if (schema === undefined && [partition, organization, since, until].some((one) => one !== undefined)) {
    throw new TrailError("usage", "a part of a backup is restored into a schema beside the log", {
      hint: `${nothingRestored}; add --schema NAME, or leave out --partition, --org, --since and --until`,
    })
  }
  if (isWhole(manifest) || schema !== undefined) return
  const what =
    manifest.partition === null ? `organization ${manifest.organization}` : `partition ${manifest.partition}`
  throw new TrailError(
    "usage",
    `${manifest.name} has ${JSON.stringify(what)} alone: no log can be made of it`,
    {
      hint: `${nothingRestored}; look at it in a schema of its own: --schema NAME`,
    },
  )
}

function refuseForm({ name, tables }: BackupManifest): void {
  for (const table of tables) {
    const isEvents = table.kind !== "table"
    if (isEvents && table.columns.join() !== eventColumns.join()) {
      throw broken(`${name} has other columns of ${JSON.stringify(table.name)} than events have`)
    }
    if (!isEvents && momentary.includes(table.name) && table.rows !== "0") {
      throw broken(`${name} has rows of ${table.name}, which is empty in every log`)
    }
    if (Buffer.byteLength(table.name) > 63) {
      throw broken(`${name} has a name of a partition that is too long for PostgreSQL`)
    }
    if (isEvents && (table.since === null) !== (table.until === null)) {
      throw broken(`${name} has one bound of ${JSON.stringify(table.name)}, and not the other`)
    }
    if (table.kind === "detached" && table.since === null) {
      throw broken(`${name} has no bounds of ${JSON.stringify(table.name)}, which was detached`)
    }
  }
  if (tables.filter(({ kind, since }) => kind === "partition" && since === null).length > 1) {
    throw broken(`${name} has two partitions without bounds`)
  }
}

function chosen(
  { name, tables }: BackupManifest,
  { partition, organization }: RestoreBackupOptions,
): readonly BackupTable[] {
  const wanted = organization === undefined ? tables : tables.filter(isOfOrganizations)
  if (partition === undefined) return wanted
  const found = wanted.filter((table) => table.kind === "table" || table.name === partition)
  if (found.some(({ kind }) => kind !== "table")) return found
  throw new TrailError("not-found", `${name} has no partition ${JSON.stringify(partition)}`, {
    hint: `${nothingRestored}; pgtrail backup show lists what it has`,
  })
}

/** Of no organization, and yet needed to judge what is there of one. Others without organizations have rows of whomsoever: archives in the database. */
const ofTheLog: readonly string[] = ["act", "act_signature", "log", "incarnation", "migration", "setting"]

const isOfOrganizations = ({ kind, name, columns }: BackupTable): boolean =>
  kind !== "table" || columns.includes("organization_id") || ofTheLog.includes(name)

/** A file that is gone is told now, and not after an hour: in words; undefined where nothing is wrong. */
export async function wrongFile(
  store: Store,
  manifest: BackupManifest,
  tables: readonly BackupTable[],
): Promise<string | undefined> {
  const there = new Map<string, bigint>()
  for await (const { key, bytes } of store.list(`${manifest.name}/`)) there.set(key, bytes)
  const wanted = new Set(tables.map(({ file }) => file))
  for (const file of filesOf({
    ...manifest,
    tables: manifest.tables.filter((one) => wanted.has(one.file)),
  })) {
    const key = `${manifest.name}/${file.name}`
    const bytes = there.get(key)
    if (bytes === undefined) return `${key} is missing`
    if (String(bytes) !== stored(file).bytes) return altered(key).message
  }
  return undefined
}

/** Also the trial of the keys: it is one of the smallest files, and encrypted where any is. */
async function readSettings(
  store: Store,
  manifest: BackupManifest,
  options: RestoreBackupOptions,
): Promise<Map<string, string>> {
  const rows = await readSmall(store, manifest, "setting", ["name", "value"], options)
  return new Map(rows.map(([name = "", value = ""]) => [name, value]))
}

/** By these ids it is told whether a log that is there is the same, and whether a checkpoint is of it. */
async function refuseOtherLog(
  store: Store,
  manifest: BackupManifest,
  options: RestoreBackupOptions,
): Promise<void> {
  const [[present = ""] = []] = await readSmall(store, manifest, "log", ["log_id"], options)
  const isKept = manifest.tables.some(({ name }) => name === "incarnation")
  const earlier = isKept ? await readSmall(store, manifest, "incarnation", ["log_id"], options) : []
  const ids = new Set([present, ...earlier.map(([id = ""]) => id)])
  const told = new Set(manifest.log_ids)
  if (present === manifest.log_id && ids.size === told.size && [...ids].every((id) => told.has(id))) return
  throw broken(`the manifest of ${manifest.name} is of another log than its files`)
}

/** A table that has few rows in every log; of a larger one the first rows. */
async function readSmall(
  store: Store,
  { name, tables }: BackupManifest,
  wanted: string,
  columns: readonly string[],
  { identities = [], signal }: RestoreBackupOptions,
): Promise<string[][]> {
  const table = tables.find((one) => one.kind === "table" && one.name === wanted)
  if (table === undefined) throw broken(`${name} has no table ${wanted}`)
  const at = columns.map((column) => table.columns.indexOf(column))
  const key = `${name}/${table.file.name}`
  const rows: string[][] = []
  for await (const line of linesOf(backupText(store, name, table.file, { identities, signal }), key)) {
    const values = valuesOf(line)
    rows.push(at.map((place) => values[place] ?? ""))
    if (rows.length === most) break
  }
  return rows
}

const most = 100_000

export const broken = (message: string): TrailError =>
  new TrailError("broken", message, {
    hint: `${nothingRestored}; pgtrail backup verify tells what is wrong with it`,
  })
