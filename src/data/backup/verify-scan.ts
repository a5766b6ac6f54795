// Reads the events of a backup file by file, in whatever order they stand, and hashes each: what is left of a chain is a sum, as in verify/chains.ts.

import { CopyRows } from "../archive/copy-rows.js"
import { BadLine } from "../archive/field-forms.js"
import { type HashedRow, RowHasher } from "../archive/row-hash.js"
import type { Store } from "../store/store.js"
import { Chains, type ChainTotals } from "../verify/chains.js"
import { boundsCheck, type Partition } from "../verify/partitions.js"
import { idOf, laneOf, organizationOf, type Row } from "../verify/row.js"
import type { Misplaced } from "../verify/scan.js"
import { digestOf, evidenceOf, keep } from "../verify/seen.js"
import type { BackupTable } from "./manifest.js"
import { type FileReading, readFile } from "./verify-file.js"
import { judgeRedacted, type PlacedGroups } from "./verify-redacted.js"
import { bytesOf, groupsOf, OddRows, qualified, rowOf } from "./verify-row.js"
import { backupTables, type TableSource } from "./verify-tables.js"

/** Plain data: it goes to other threads. */
export interface EventJob {
  readonly manifest: TableSource["manifest"]
  readonly identities: readonly string[]
  /** 32 bytes, drawn for this verification. */
  readonly key: Uint8Array
  readonly partitions: readonly Partition[]
  /** Places that anchors know, by chain key. */
  readonly watched: ReadonlyMap<string, readonly number[]>
  /** Whether the entries of redactions can be read, and there are any. */
  readonly hasEntries: boolean
  /** Bytes of a line. */
  readonly longest: number
}

/** A line, and what is wrong with it by itself. */
export interface BadEvent {
  readonly file: string
  readonly line: number
  /** Undefined where it is no event at all. */
  readonly place:
    | { readonly organization_id: string; readonly lane: string; readonly seq: string }
    | undefined
  readonly why: string
  /** What makes it this finding and no other. */
  readonly evidence: string
}

export interface ReadEvents {
  readonly name: string
  readonly reading: FileReading
  readonly rows: number
}

export interface Located extends Misplaced {
  readonly file: string
  readonly line: number
}

export interface EventTotals {
  readonly files: readonly ReadEvents[]
  readonly chains: readonly ChainTotals[]
  readonly outOfBounds: readonly Located[]
  readonly placeless: readonly Located[]
  readonly bad: readonly BadEvent[]
  /** Of all files, lines that are no event. */
  readonly strange: number
}

const most = 1_000
/** Bytes of redacted events that are kept until they are judged together: each time the entries are read once. */
const redactedBytes = 16 * 1024 * 1024

export async function scanFiles(
  store: Store,
  job: EventJob,
  next: () => Promise<BackupTable | undefined>,
  counted: (rows: number) => void,
  signal?: AbortSignal,
): Promise<EventTotals> {
  const scan = new Scan(store, job, signal)
  for (let table = await next(); table !== undefined; table = await next()) await scan.read(table, counted)
  return await scan.finish()
}

class Scan {
  readonly #store: Store
  readonly #job: EventJob
  readonly #signal: AbortSignal | undefined
  readonly #chains: Chains
  readonly #hasher = new RowHasher(true)
  readonly #odd = new OddRows()
  readonly #files: ReadEvents[] = []
  readonly #outOfBounds: Located[] = []
  readonly #placeless: Located[] = []
  readonly #bad: BadEvent[] = []
  #strange = 0
  #redacted: PlacedGroups[] = []
  #size = 0

  constructor(store: Store, job: EventJob, signal: AbortSignal | undefined) {
    this.#store = store
    this.#job = job
    this.#signal = signal
    this.#chains = new Chains(job.key)
    for (const [chain, seqs] of job.watched) {
      this.#chains.state(chain).watched = new Map(seqs.map((seq) => [seq, ""]))
    }
  }

  async read(table: BackupTable, counted: (rows: number) => void): Promise<void> {
    const { manifest, partitions, identities, longest } = this.#job
    const file = table.file.name
    const partition = partitions.find(({ name }) => name === qualified(table.name))
    const inBounds =
      partition === undefined
        ? () => true
        : boundsCheck(
            { ...partition, relation: partition.name, firstBlock: 0, lastBlock: undefined },
            partitions,
          )
    const misplaced = (into: Located[], row: Row, line: number, isPlaced: boolean): void => {
      if (into.length >= most) return
      into.push({
        organization_id: isPlaced ? organizationOf(row) : null,
        lane: isPlaced ? String(laneOf(row)) : null,
        seq: isPlaced ? String(row.seq) : null,
        event_id: isPlaced ? idOf(row) : null,
        partition: qualified(table.name),
        evidence: digestOf(row),
        file,
        line,
      })
    }
    const rows = new CopyRows(
      {
        row: (row, line) => {
          this.#add(row)
          if (row.computed !== row.hash) this.#alteredAt(rowOf(row), file, line)
          if (!inBounds(row.occurredHigh, row.occurredLow))
            misplaced(this.#outOfBounds, rowOf(row), line, true)
        },
        bad: (line, why, text) => {
          const odd = this.#odd.read(text)
          if (odd === undefined) {
            this.#strange += 1
            if (this.#bad.length < most)
              this.#bad.push({ file, line, place: undefined, why: `is no event: ${why}`, evidence: "" })
          } else if (Number.isNaN(odd.row.seq)) misplaced(this.#placeless, odd.row, line, false)
          else {
            this.#chains.add(odd.row)
            if (odd.row.redactedIdentity || odd.row.redactedContent)
              this.#keep({ chain: odd.row.chain, seq: odd.row.seq, groups: odd.groups })
            if (odd.row.computed !== odd.row.hash) this.#alteredAt(odd.row, file, line)
            if (!inBounds(odd.row.timeHigh, odd.row.timeLow))
              misplaced(this.#outOfBounds, odd.row, line, true)
          }
        },
      },
      this.#hasher,
      longest,
    )
    let tooLong: string | undefined
    let before = 0
    const options = { identities, signal: this.#signal }
    const reading = await readFile(this.#store, manifest.name, table.file, options, (chunk) => {
      if (tooLong !== undefined) return undefined
      try {
        rows.push(chunk)
      } catch (error) {
        if (!(error instanceof BadLine)) throw error
        tooLong = `has a line ${rows.lines + 1} that is longer than any event`
      }
      counted(rows.lines - before)
      before = rows.lines
      return this.#size > redactedBytes ? this.#judge() : undefined
    })
    const problems = [...reading.problems]
    if (tooLong !== undefined) problems.push(tooLong)
    const isRead = reading.isRead && tooLong === undefined && !rows.isOpen
    if (isRead && String(rows.lines) !== table.rows)
      problems.push(
        `has ${rows.lines} ${rows.lines === 1 ? "event" : "events"}, and ${table.rows} by the manifest`,
      )
    else if (reading.isRead && rows.isOpen) problems.push("ends in the middle of an event")
    this.#files.push({ name: table.name, reading: { ...reading, isRead, problems }, rows: rows.lines })
  }

  #add(row: HashedRow): void {
    const { redactions } = row
    const isRedacted = redactions.length > 0
    this.#chains.add({
      chain: row.chain,
      seq: row.seq,
      version: row.version,
      previous: row.previous,
      hash: row.hash,
      computed: row.computed,
      redactedIdentity: isRedacted && redactions.some(({ group }) => group === "identity"),
      redactedContent: isRedacted && redactions.some(({ group }) => group === "content"),
      faults: noFaults,
    })
    if (isRedacted) this.#keep({ chain: row.chain, seq: row.seq, groups: groupsOf(redactions) })
  }

  #keep(row: PlacedGroups): void {
    this.#redacted.push(row)
    for (const { record } of row.groups) this.#size += record.length + 200
  }

  #alteredAt(row: Row, file: string, line: number): void {
    if (this.#bad.length >= most) return
    const place = { organization_id: organizationOf(row), lane: String(laneOf(row)), seq: String(row.seq) }
    const why = "was altered: its hash does not fit it"
    this.#bad.push({ file, line, place, why, evidence: `altered null ${evidenceOf(keep(row))}` })
  }

  /** A redacted event that is not what its redactions left makes its chain one that is read again. */
  async #judge(): Promise<void> {
    const { hasEntries, manifest, identities } = this.#job
    const rows = this.#redacted
    this.#redacted = []
    this.#size = 0
    if (rows.length === 0) return
    const source = { store: this.#store, manifest, identities, signal: this.#signal, unreadable: new Map() }
    const entries = hasEntries ? backupTables(source).entries() : noEntries()
    await judgeRedacted(rows, entries, ({ chain }) => {
      this.#chains.state(chain).dirty = true
    })
  }

  async finish(): Promise<EventTotals> {
    await this.#judge()
    this.#chains.finish()
    const chains = [...this.#chains.states.values()].filter((state) => state.events > 0)
    for (const { watched } of chains) {
      for (const [seq, hash] of watched ?? []) if (hash.length === 64) watched?.set(seq, bytesOf(hash))
    }
    return {
      files: this.#files,
      chains,
      outOfBounds: this.#outOfBounds,
      placeless: this.#placeless,
      bad: this.#bad,
      strange: this.#strange,
    }
  }
}

const noFaults: Row["faults"] = []

export async function* noEntries(): AsyncGenerator<never> {}
