// The files that a backup in the making has already: what of them is whole outlives an attempt, and a run.
import type { Store, StoreOptions } from "../store/store.js"
import { type Entry, entryName, readEntry, writeEntry } from "./entry.js"
import { type BackupTable, stored } from "./manifest.js"

/** So much of the runs of all partitions stays in memory; the entries have the others. */
const mostInMemory = 8 * 1024 * 1024

/** Stored bytes below which a file is read again sooner than an entry is written, made durable, and removed. */
const smallFile = 32_768

interface Own {
  readonly stem: string
  /** Whether an entry lies beside it. */
  readonly isNoted: boolean
  readonly entry: Omit<Entry, "runs">
  readonly runs: string | null | undefined
}

export interface PartitionRuns {
  readonly name: string
  /** Lines of the list of runs, without the name. */
  readonly lines: string
}

export class OwnFiles {
  readonly #store: Store
  readonly #folder: string
  readonly #options: StoreOptions
  /** By the name of the partition. */
  readonly #partitions = new Map<string, Own>()
  /** Of tables and lists, which every attempt writes anew, and those that are begun. */
  readonly #others = new Set<string>()
  #inMemory = 0

  constructor(store: Store, folder: string, options: StoreOptions) {
    this.#store = store
    this.#folder = folder
    this.#options = options
  }

  /** How many whoever goes on after this run can take over. */
  get noted(): number {
    return [...this.#partitions.values()].filter(({ isNoted }) => isNoted).length
  }

  entries(): readonly Omit<Entry, "runs">[] {
    return [...this.#partitions.values()].map(({ entry }) => entry)
  }

  /** Of a partition whose file has this stem. */
  entry(partition: string, stem: string): Omit<Entry, "runs"> | undefined {
    const own = this.#partitions.get(partition)
    return own?.stem === stem ? own.entry : undefined
  }

  /** The file of a partition is whole. What was taken over the next run takes over from where this one did. */
  async keep(stem: string, entry: Entry): Promise<void> {
    const { runs, ...rest } = entry
    const { name, file, taken_over, kind, since } = entry.table
    const size = runs?.length ?? 0
    const fits = this.#inMemory + size <= mostInMemory
    // DEFAULT is read anew by every run.
    const isOfUse = taken_over === null && !(kind === "partition" && since === null)
    const isNoted = !fits || (isOfUse && BigInt(stored(file).bytes) >= smallFile)
    if (isNoted) await writeEntry(this.#store, this.#entryKey(stem), entry, this.#options)
    if (fits) this.#inMemory += size
    this.#others.delete(file.name)
    this.#partitions.set(name, { stem, isNoted, entry: rest, runs: fits ? runs : undefined })
  }

  /** A file that is begun now, or is of no use to a later run. */
  note(file: string): void {
    this.#others.add(file)
  }

  /** Takes away what is no more what the log has, and what is written anew. */
  async dropAllBut(partitions: ReadonlySet<string>): Promise<void> {
    for (const [name, { stem, isNoted, entry, runs }] of this.#partitions) {
      if (partitions.has(name)) continue
      if (isNoted) await this.#store.remove(this.#entryKey(stem))
      await this.#store.remove(`${this.#folder}/${entry.table.file.name}`)
      this.#inMemory -= runs?.length ?? 0
      this.#partitions.delete(name)
    }
    for (const file of this.#others) await this.#store.remove(`${this.#folder}/${file}`)
    this.#others.clear()
  }

  /** In the order of the partitions' names; those of which none are kept are left out. */
  async *runs(): AsyncGenerator<PartitionRuns> {
    for (const name of [...this.#partitions.keys()].sort(byBytes)) {
      const own = this.#partitions.get(name)
      if (own === undefined) continue
      const lines = own.runs === undefined ? (await this.#read(own.stem))?.runs : own.runs
      if (typeof lines === "string") yield { name, lines }
    }
  }

  #read(stem: string): Promise<Entry | undefined> {
    return readEntry(this.#store, this.#entryKey(stem), this.#options)
  }

  /** Of a backup that is finished nobody needs them; a place that lets nothing be removed keeps them, and they do no harm. */
  async dropEntries(): Promise<void> {
    for (const { stem, isNoted } of this.#partitions.values())
      if (isNoted) await this.#store.remove(this.#entryKey(stem)).catch(() => undefined)
  }

  /** Of a run that failed: what the next can go on from stays, and nothing else. */
  async dropOthers(): Promise<void> {
    for (const { isNoted, entry } of this.#partitions.values()) {
      if (!isNoted) this.#others.add(entry.table.file.name)
    }
    for (const file of this.#others)
      await this.#store.remove(`${this.#folder}/${file}`).catch(() => undefined)
    this.#others.clear()
  }

  #entryKey(stem: string): string {
    return `${this.#folder}/${entryName(stem)}`
  }
}

export const byBytes = (one: string, other: string): number =>
  Buffer.compare(Buffer.from(one), Buffer.from(other))

export const byName = (one: BackupTable, other: BackupTable): number => byBytes(one.name, other.name)
