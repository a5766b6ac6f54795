// Gives files of other backups a name in this one, as far as they are still what the log has.
import { Sum, summed } from "../archive/compress.js"
import { TrailError } from "../errors.js"
import type { Store, StoreOptions } from "../store/store.js"
import { readEntry } from "./entry.js"
import { readRuns } from "./lists.js"
import { type BackupTable, type Sized, stored } from "./manifest.js"
import { type ReadBackupOptions, readBackupManifest } from "./open.js"
import type { Plan } from "./plan.js"
import type { Source } from "./take-over.js"
import { fileName } from "./write-file.js"

export interface Linking extends ReadBackupOptions {
  readonly store: Store
  /** The backup that is made. */
  readonly folder: string
  /** A file is about to be there. */
  readonly begun: (stem: string) => void
  /** One was not taken over, because it is not what its manifest says. */
  readonly damaged: (words: string) => void
  /** It is. */
  readonly keep: (stem: string, table: BackupTable, runs: string | null) => Promise<void>
}

type Wanted = Plan & { readonly source: Source }

const isWanted = (plan: Plan): plan is Wanted => typeof plan.source === "object"

/** Returns those whose file has gone meanwhile, or was damaged: they are read after all. */
export async function linkFiles(plans: readonly Plan[], linking: Linking): Promise<Plan[]> {
  const wanted = plans.filter(isWanted)
  const done = new Set<Plan>()
  const link = async (plan: Wanted, runs: string | null): Promise<void> => {
    linking.signal?.throwIfAborted()
    if (await linkOne(plan, runs, linking)) done.add(plan)
  }
  for (const plan of wanted) {
    const { backup, entry } = plan.source
    if (entry === undefined) continue
    const read = await readEntry(linking.store, `${backup}/${entry}`, linking)
    if (read !== undefined) await link(plan, read.runs)
  }
  const finished = wanted.filter(({ source }) => source.entry === undefined)
  for (const backup of new Set(finished.map(({ source }) => source.backup))) {
    const own = new Map(
      finished.flatMap((plan) =>
        plan.source.backup === backup ? [[plan.relation.name, plan] as const] : [],
      ),
    )
    await linkFinished(backup, own, link, linking)
  }
  return wanted.filter((plan) => !done.has(plan))
}

/** Of a finished one the runs stand in its list, which is read once. */
async function linkFinished(
  backup: string,
  wanted: ReadonlyMap<string, Wanted>,
  link: (plan: Wanted, runs: string | null) => Promise<void>,
  linking: Linking,
): Promise<void> {
  const told = new Set<string>()
  try {
    const { manifest } = await readBackupManifest(linking.store, backup, linking)
    const runs = manifest.lists.find(({ name }) => name === "runs")?.file
    // What it tells is taken over line by line, before its end is seen.
    if (
      runs === undefined ||
      !(await hasBytes(linking.store, `${backup}/${runs.name}`, stored(runs), linking))
    )
      return
    for await (const { name, lines } of readRuns(linking.store, manifest, linking)) {
      told.add(name)
      const plan = wanted.get(name)
      if (plan !== undefined) await link(plan, lines)
    }
  } catch (error) {
    // It was removed or damaged since: what its list did not tell of is read.
    const isGone = error instanceof TrailError && ["broken", "not-found", "file"].includes(error.code)
    if (!isGone) throw error
    return
  }
  // Of a partition without events there are no runs, and of one with too many none are kept.
  for (const [name, plan] of wanted)
    if (!told.has(name)) await link(plan, plan.source.table.rows === "0" ? "" : null)
}

async function linkOne(
  { relation, stem, state, source: { backup, act, table } }: Wanted,
  runs: string | null,
  { store, folder, begun, keep, damaged, ...options }: Linking,
): Promise<boolean> {
  const name = fileName(stem, table.file.age !== null)
  begun(stem)
  try {
    await store.link(`${backup}/${table.file.name}`, `${folder}/${name}`, options)
  } catch (error) {
    if (error instanceof TrailError && error.code === "not-found") return false
    throw error
  }
  if (!(await isAsWritten(store, `${folder}/${name}`, stored(table.file), options))) {
    await store.remove(`${folder}/${name}`)
    damaged(
      `${table.file.name} of ${backup} is not what its manifest says, and was read anew from the log: pgtrail backup verify tells what is wrong there`,
    )
    return false
  }
  const taken_over = { backup, act: table.taken_over?.act ?? act?.seq ?? "0" }
  await keep(stem, { ...table, kind: relation.kind, file: { ...table.file, name }, state, taken_over }, runs)
  return true
}

/**
 * Whether a file still has the bytes that were written: to read it takes a small part of what it takes to write it anew, and a backup of damaged
 * files is none. Not in a bucket, which sums up itself what it keeps, and from where all would come over the network each time.
 */
async function isAsWritten(store: Store, key: string, said: Sized, options: StoreOptions): Promise<boolean> {
  return !store.location.startsWith("file:") || (await hasBytes(store, key, said, options))
}

async function hasBytes(store: Store, key: string, said: Sized, { signal }: StoreOptions): Promise<boolean> {
  const sum = new Sum()
  for await (const _ of summed(await store.get(key, { signal }), sum)) signal?.throwIfAborted()
  const { bytes, sha256 } = sum.finish()
  return bytes === said.bytes && sha256 === said.sha256
}
