// What a backup knows of the past of its log besides the newest heads: read once, and only where the log in its place may have gone another way.
import { linesOf, valuesOf } from "./copy-text.js"
import { backupText } from "./open.js"
import { type BackupToRestore, broken } from "./restore-files.js"
import type { RestoreBackupOptions } from "./restore-options.js"

/** By organization and lane, as one key. */
export const keyOf = (organization: string, lane: string): string => `${lane}\n${organization}`

/** The hash of each seq; hex. */
export type Hashes = ReadonlyMap<bigint, string>

export class History {
  readonly #backup: BackupToRestore
  readonly #options: RestoreBackupOptions
  #acts: Promise<Hashes> | undefined
  /** What was read of lanes; of one without rows nothing. */
  readonly #lanes = new Map<string, Map<bigint, string>>()

  constructor(backup: BackupToRestore, options: RestoreBackupOptions) {
    this.#backup = backup
    this.#options = options
  }

  acts(): Promise<Hashes> {
    this.#acts ??= this.#readActs()
    return this.#acts
  }

  /** The newest 64 to 128 places of these lanes, as pgtrail.chain_head keeps them. */
  async lanes(keys: readonly string[]): Promise<ReadonlyMap<string, Hashes>> {
    const wanted = keys.filter((key) => !this.#lanes.has(key))
    for (const key of wanted) this.#lanes.set(key, new Map())
    if (wanted.length > 0) {
      const isWanted = new Set(wanted)
      for await (const row of this.#rows("chain_head", ["organization_id", "lane", "seq", "hash"])) {
        const key = keyOf(row[0] ?? "", row[1] ?? "")
        if (isWanted.has(key) && row[2] !== "0") this.#lanes.get(key)?.set(seqOf(row[2]), hexOf(row[3]))
      }
    }
    return this.#lanes
  }

  async #readActs(): Promise<Hashes> {
    const acts = new Map<bigint, string>()
    for await (const [seq, hash] of this.#rows("act", ["seq", "hash"])) acts.set(seqOf(seq), hexOf(hash))
    return acts
  }

  async *#rows(name: string, columns: readonly string[]): AsyncGenerator<(string | null)[]> {
    const { store, name: backup, manifest } = this.#backup
    const { identities = [], signal } = this.#options
    const table = manifest.tables.find((one) => one.name === name && one.kind === "table")
    const at = columns.map((column) => table?.columns.indexOf(column) ?? -1)
    if (table === undefined || at.includes(-1)) throw broken(`${backup} lacks ${name}, or columns of it`)
    const text = backupText(store, backup, table.file, { identities, signal })
    for await (const line of linesOf(text, `${backup}/${table.file.name}`)) {
      const values = valuesOf(line)
      yield at.map((index) => values[index] ?? null)
    }
  }
}

/** Of a row that no log has: a place that no live log has either. */
const seqOf = (text: string | null | undefined): bigint =>
  /^[1-9]\d{0,18}$/.test(text ?? "") ? BigInt(text ?? "") : -1n
const hexOf = (bytea: string | null | undefined): string => bytea?.slice(2) ?? ""
