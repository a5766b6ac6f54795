// Compares the tables beside the events, both in the order of their key, row by row: what acts since may have changed, and what nothing explains.
import type { Client } from "pg"
import type { Compared } from "./compare-events.js"
import type { TableComparison } from "./compare-options.js"
import { type ActsSince, type Rule, rules } from "./compare-rules.js"
import { CopyOut } from "./copy-out.js"
import { copyOut } from "./copy-read.js"
import { linesOf, valuesOf } from "./copy-text.js"
import type { BackupTable } from "./manifest.js"
import { backupText } from "./open.js"
import { holdRelation, type Relation } from "./relations.js"
import { onSnapshot } from "./snapshot.js"
import { copyText } from "./write-table.js"

type Values = readonly (string | null)[]

/** Undefined where the two are equal. */
export async function compareTable(
  client: Client,
  table: BackupTable,
  relation: Relation,
  acts: ActsSince,
  compared: Compared,
): Promise<TableComparison | undefined> {
  const { store, manifest, read, snapshot, organizationLiteral } = compared
  return await onSnapshot(client, snapshot.id, async () => {
    await holdRelation(client, relation)
    const copy = new CopyOut(copyText(relation, organizationLiteral))
    const comparison = new Comparison(table, relation, acts)
    const key = `${manifest.name}/${table.file.name}`
    const log = linesOf(copyOut(client, copy, read), relation.name)
    for await (const pair of merged(
      linesOf(backupText(store, manifest.name, table.file, read), key),
      log,
      comparison,
    )) {
      comparison.take(pair)
    }
    return comparison.result()
  })
}

interface Pair {
  readonly backup: Values | undefined
  readonly log: Values | undefined
  readonly line: number
}

/** Pairs that are not equal byte by byte, by key. */
async function* merged(
  backup: AsyncGenerator<Buffer>,
  log: AsyncGenerator<Buffer>,
  { isComparable, compareKeys }: Comparison,
): AsyncGenerator<Pair> {
  let line = 1
  let [one, other] = [await backup.next(), await log.next()]
  while (one.done !== true || other.done !== true) {
    if (one.done !== true && other.done !== true && isComparable && one.value.equals(other.value)) {
      line += 1
      ;[one, other] = [await backup.next(), await log.next()]
      continue
    }
    const before = one.done === true ? undefined : valuesOf(one.value)
    const now = other.done === true ? undefined : valuesOf(other.value)
    const order = before === undefined ? 1 : now === undefined ? -1 : compareKeys(before, now)
    yield { backup: order <= 0 ? before : undefined, log: order >= 0 ? now : undefined, line }
    if (order <= 0) {
      line += 1
      one = await backup.next()
    }
    if (order >= 0) other = await log.next()
  }
}

/** Tables whose `seq` is the number of an act. */
const numbered: ReadonlySet<string> = new Set(["act", "act_signature"])

class Comparison {
  readonly #table: BackupTable
  readonly #relation: Relation
  readonly #rule: Rule | undefined
  /** How many kinds of acts since may have changed it. */
  readonly #fitting: number
  readonly #newest: { readonly seq: string; readonly kind: string } | null
  /** Of the key: where its columns stand in the backup and in the log, and whether they are text. */
  readonly #key: readonly {
    readonly name: string
    readonly backup: number
    readonly log: number
    readonly isText: boolean
  }[]
  readonly #acts: ActsSince
  #added = 0
  #removed = 0
  #changed = 0
  #first: TableComparison["first"] = null
  /** The newest act that a row of the log names, where it came or was changed. */
  #named = 0n
  /** Whether the columns are the same, so that lines can be compared as they are. */
  readonly isComparable: boolean

  constructor(table: BackupTable, relation: Relation, acts: ActsSince) {
    this.#table = table
    this.#relation = relation
    this.#rule = rules[table.name]
    const kinds = this.#rule?.acts ?? []
    const fitting = [...acts.newest].filter(([kind]) => kinds.includes("*") || kinds.includes(kind))
    const [newest] = fitting.sort(([, a], [, b]) => Number(BigInt(b) - BigInt(a)))
    this.#fitting = fitting.length
    this.#newest = newest === undefined ? null : { kind: newest[0], seq: newest[1] }
    this.#acts = acts
    this.isComparable = table.columns.join() === relation.columns.join()
    this.#key = relation.key.map((text) => {
      const name = text.replace(/ collate "C"$/, "").replace(/^"(.*)"$/, "$1")
      return {
        name,
        backup: table.columns.indexOf(name),
        log: relation.columns.indexOf(name),
        isText: text !== name,
      }
    })
  }

  readonly compareKeys = (backup: Values, log: Values): number => {
    for (const { backup: from, log: to, isText } of this.#key) {
      const [a, b] = [backup[from] ?? "", log[to] ?? ""]
      if (a === b) continue
      if (!isText && /^-?\d+$/.test(a) && /^-?\d+$/.test(b)) return BigInt(a) < BigInt(b) ? -1 : 1
      return Buffer.compare(Buffer.from(a), Buffer.from(b))
    }
    return 0
  }

  take({ backup, log, line }: Pair): void {
    const columns = backup === undefined || log === undefined ? [] : this.#columns(backup, log)
    if (backup !== undefined && log !== undefined && columns.length === 0) return
    if (backup === undefined) this.#added += 1
    else if (log === undefined) this.#removed += 1
    else this.#changed += 1
    if (log !== undefined) this.#remember(log, backup === undefined ? ["seq", "act_seq"] : columns)
    if (this.#rule === undefined || this.#first !== null || this.#isExplained(backup, log, columns)) return
    this.#first = {
      key: this.#key
        .map(({ name, backup: from, log: to }) => `${name} ${backup?.[from] ?? log?.[to] ?? ""}`)
        .join(", "),
      state: backup === undefined ? "not in the backup" : log === undefined ? "not in the log" : "altered",
      columns,
      line: backup === undefined ? null : String(line),
    }
  }

  #remember(log: Values, columns: readonly string[]): void {
    for (const column of columns) {
      // Elsewhere it is the place of an event, which may well be the number of some act.
      if (!(column === "seq" ? numbered.has(this.#table.name) : column.endsWith("_seq"))) continue
      const value = log[this.#relation.columns.indexOf(column)] ?? null
      if (value !== null && this.#acts.kinds.has(value) && BigInt(value) > this.#named)
        this.#named = BigInt(value)
    }
  }

  /** What changed the table; of several kinds that may have, the one that its rows name. */
  #act(): TableComparison["act"] {
    const seq = String(this.#named)
    const kind = this.#acts.kinds.get(seq)
    if (kind !== undefined) return { seq, kind }
    const isPlain = this.#fitting < 2 || this.#rule?.acts.includes("*") === true
    return isPlain ? this.#newest : null
  }

  /** Of those that both have. */
  #columns(backup: Values, log: Values): string[] {
    return this.#table.columns.filter((name, at) => {
      const there = this.#relation.columns.indexOf(name)
      return there !== -1 && (backup[at] ?? null) !== (log[there] ?? null)
    })
  }

  #isExplained(backup: Values | undefined, log: Values | undefined, columns: readonly string[]): boolean {
    const { acts = [], changes = [], removals } = this.#rule ?? {}
    if (acts.length > 0 && this.#newest === null) return false
    if (log === undefined) return removals === true
    if (this.#table.name === "setting" && !this.#acts.newest.has("migrate")) {
      return this.#acts.settings.has(log[this.#key[0]?.log ?? -1] ?? "")
    }
    // A row of an act that the backup has would be in the backup.
    if (backup === undefined)
      return acts.length === 0 || this.#isNew(log, this.#table.name === "act" ? "seq" : "act_seq")
    if (changes === "all") return true
    return columns.every(
      (name) => changes.includes(name) && (!name.endsWith("_seq") || this.#isNew(log, name)),
    )
  }

  /** Whether the act that the column names, if there is such a column, is newer than the backup. */
  #isNew(log: Values, column: string): boolean {
    const at = this.#relation.columns.indexOf(column)
    const act = at === -1 ? null : (log[at] ?? null)
    return at === -1 || (act !== null && BigInt(act) > BigInt(this.#acts.since))
  }

  result(): TableComparison | undefined {
    const [added, removed, changed] = [this.#added, this.#removed, this.#changed]
    if (added + removed + changed === 0) return undefined
    const result = this.#rule === undefined ? "state" : this.#first === null ? "explained" : "differs"
    return {
      name: this.#table.name,
      result,
      added: String(added),
      removed: String(removed),
      changed: String(changed),
      act: result === "state" ? null : this.#act(),
      first: this.#first,
    }
  }
}

/** A table of the backup that the log has not. */
export const lost = (name: string): TableComparison => ({
  name,
  result: rules[name] === undefined ? "state" : "differs",
  added: "0",
  removed: "0",
  changed: "0",
  act: null,
  first: null,
})
