// One attempt at a backup, on one snapshot: what is taken over, what is read, and what is written about it.
import type { Client } from "pg"
import { sha256 } from "../canonical.js"
import type { ConnectionTarget } from "../connection.js"
import { writeManifest } from "../manifest-form.js"
import { writeTime } from "../query/columns.js"
import type { Store } from "../store/store.js"
import { version } from "../version.js"
import { linkFiles } from "./link-files.js"
import { writeHeads, writeRuns } from "./lists.js"
import { type BackupManifest, type BackupTable, filesOf, manifestName, sealed, stored } from "./manifest.js"
import type { BackupOptions, BackupRun } from "./options.js"
import { byName, type OwnFiles } from "./own-files.js"
import { organizationLiteral, type Plan, planTables } from "./plan.js"
import { readTables } from "./read-tables.js"
import { recordBackup } from "./record.js"
import { beginSnapshot, type Snapshot } from "./snapshot.js"
import { estimateOf, refuseFull } from "./space.js"
import { findSources, type Scope } from "./take-over.js"
import { fileName } from "./write-file.js"

/** What outlives an attempt. */
export interface Backup {
  readonly target: ConnectionTarget
  readonly store: Store
  readonly options: BackupOptions
  readonly name: string
  readonly own: OwnFiles
  /** What an attempt has found out. */
  readonly found: { isStandby?: boolean }
}

/** Asked of each attempt: by the last, ACCESS SHARE on everything, so that nothing can be made anew under it. */
export async function attempt(client: Client, backup: Backup, locked: boolean): Promise<BackupRun> {
  const { options, store, own } = backup
  const { partition = null, organization = null, recipients = [], incremental = false, signal } = options
  const scope: Scope = { partition, organization, recipients }
  const clock = new Clock()
  options.progress?.("looking at the log")
  const snapshot = await beginSnapshot(client, locked)
  backup.found.isStandby = snapshot.isStandby
  const found = await findSources(client, store, snapshot.logId, scope, { signal })
  const literal = await organizationLiteral(client, organization)
  const sources = incremental ? found.sources : new Map()
  const plans = await planTables(client, { snapshot, scope, literal, own, sources, signal })
  const read = plans.filter(({ source }) => source === undefined)
  const needed = read.reduce((sum, { relation }) => sum + estimateOf(relation, found.sizes), 0n)
  clock.lap("plan")
  if (options.dryRun === true) {
    await client.query("rollback")
    return answer(backup, scope, snapshot, plans, needed, clock)
  }
  await refuseFull(store, needed)
  const files = new Files(backup, scope, snapshot)
  await files.begin(plans)
  const warnings = [...snapshot.warnings]
  const left = await linkFiles(plans, {
    ...backup,
    folder: backup.name,
    signal,
    begun: files.begun,
    keep: files.keep,
    damaged: (words) => warnings.push(words),
  })
  await readTables([...left, ...read], {
    ...backup,
    ...scope,
    folder: backup.name,
    snapshot: snapshot.id,
    organizationLiteral: literal,
    level: options.level ?? 6,
    jobs: options.jobs ?? 2,
    holder: client,
    locked,
    silenceMs: options.silenceMs ?? 30_000,
    begun: files.begun,
    keep: ({ stem }, table, runs) => files.keep(stem, table, runs),
    signal,
    progress: options.progress,
  })
  clock.lap("copy")
  options.progress?.("writing the lists and the manifest")
  const manifest = sealed(await files.manifest(client, literal))
  const bytes = Buffer.from(writeManifest(manifest))
  // From here on it is a backup; what comes then only tells of it.
  await store.put(`${backup.name}/${manifestName}`, one(bytes), { signal })
  const digest = sha256(bytes).toString("hex")
  const all = filesOf(manifest).reduce((sum, file) => sum + BigInt(stored(file).bytes), BigInt(bytes.length))
  await own.dropEntries()
  const { location } = store
  const recorded = await recordBackup(client, { manifest, sha256: digest, location, bytes: all })
  clock.lap("finish")
  return {
    ...answer(backup, scope, { ...snapshot, warnings }, plans, all, clock),
    name: backup.name,
    finished_at: manifest.finished_at,
    events: manifest.events,
    taken_over: String(manifest.tables.filter(({ taken_over }) => taken_over !== null).length),
    manifest: digest,
    ...recorded,
  }
}

/** The files of a backup, and what is said of them. */
class Files {
  readonly #backup: Backup
  readonly #scope: Scope
  readonly #snapshot: Snapshot
  readonly #tables: BackupTable[] = []

  constructor(backup: Backup, scope: Scope, snapshot: Snapshot) {
    this.#backup = backup
    this.#scope = scope
    this.#snapshot = snapshot
  }

  /** What an earlier attempt has written stays as far as it is right. */
  async begin(plans: readonly Plan[]): Promise<void> {
    const { own } = this.#backup
    const kept = plans.filter(({ source }) => source === "own")
    await own.dropAllBut(new Set(kept.map(({ relation }) => relation.name)))
    for (const { relation, stem } of kept) {
      const entry = own.entry(relation.name, stem)
      if (entry !== undefined) this.#tables.push(entry.table)
    }
  }

  /** So that it is taken away where it is not kept. */
  readonly begun = (stem: string): void => {
    this.#backup.own.note(fileName(stem, this.#scope.recipients.length > 0))
  }

  readonly keep = async (stem: string, table: BackupTable, runs: string | null): Promise<void> => {
    const { logId, level, act } = this.#snapshot
    const { partition, organization } = this.#scope
    if (table.kind !== "table")
      await this.#backup.own.keep(stem, { log_id: logId, level, partition, organization, act, table, runs })
    this.#tables.push(table)
  }

  /** Writes the lists, and ends the transaction of the snapshot. */
  async manifest(client: Client, literal: string | undefined): Promise<BackupManifest> {
    const { store, name, own, options } = this.#backup
    const written = { level: options.level ?? 6, signal: options.signal }
    own.note(fileName("heads", false))
    own.note(fileName("runs", false))
    const { list, heads } = await writeHeads(client, store, name, literal, written)
    const runs = await writeRuns(store, name, own.runs(), written)
    const { rows } = await client.query<{ time: string }>("select clock_timestamp() as time")
    await client.query("commit")
    const tables = [...this.#tables].sort(byName)
    const events = tables.reduce((sum, { kind, rows }) => (kind === "table" ? sum : sum + BigInt(rows)), 0n)
    const snapshot = this.#snapshot
    return {
      schema: "pgtrail.backup/1",
      name,
      log_id: snapshot.logId,
      log_ids: snapshot.logIds,
      incarnation: snapshot.incarnation,
      database: snapshot.database,
      server_version: snapshot.serverVersion,
      is_standby: snapshot.isStandby,
      tool_version: version,
      level: snapshot.level,
      has_roles: snapshot.hasRoles,
      created_by: snapshot.user,
      started_at: snapshot.time,
      finished_at: writeTime(rows[0]?.time ?? ""),
      partition: this.#scope.partition,
      organization: this.#scope.organization,
      act: snapshot.act,
      checkpoint: snapshot.checkpoint,
      heads,
      events: String(events),
      tables,
      beside: snapshot.beside,
      lists: [list, runs],
    }
  }
}

function answer(
  { options, store }: Backup,
  { partition, organization, recipients }: Scope,
  snapshot: Snapshot,
  plans: readonly Plan[],
  bytes: bigint,
  clock: Clock,
): BackupRun {
  const partitions = plans.filter(({ relation }) => relation.kind !== "table").length
  return {
    dry_run: options.dryRun === true,
    name: null,
    location: store.location,
    log_id: snapshot.logId,
    started_at: snapshot.time,
    finished_at: snapshot.time,
    partition,
    organization,
    encrypted: recipients.length > 0,
    tables: String(plans.length - partitions),
    partitions: String(partitions),
    events: null,
    bytes: String(bytes),
    taken_over: String(plans.filter(({ source }) => source !== undefined).length),
    seconds: clock.seconds(),
    manifest: null,
    act: null,
    not_recorded: null,
    warnings: snapshot.warnings,
  }
}

/** What took how long. */
class Clock {
  readonly #laps = { plan: 0, copy: 0, finish: 0 }
  readonly #began = performance.now()
  #last = this.#began

  lap(part: "plan" | "copy" | "finish"): void {
    const now = performance.now()
    this.#laps[part] = now - this.#last
    this.#last = now
  }

  seconds(): BackupRun["seconds"] {
    const { plan, copy, finish } = this.#laps
    const rounded = (milliseconds: number): number => Math.round(milliseconds) / 1000
    return {
      plan: rounded(plan),
      copy: rounded(copy),
      finish: rounded(finish),
      total: rounded(this.#last - this.#began),
    }
  }
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
