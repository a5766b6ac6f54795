// The second reading: events of blocks whose sums differ, each of the backup beside the one that stands at its place in the log.
import type { Client } from "pg"
import { differences, groupOf } from "../verification/difference.js"
import { fits } from "../verification/fits.js"
import { type Compared, nameOf } from "./compare-events.js"
import { type Block, blockSize, isEqual, type Lane, see, wasSeen } from "./compare-lanes.js"
import { type EventRow, eventRow, LogRows, type Present } from "./compare-lookup.js"
import type { EventDifference } from "./compare-options.js"
import { linesOf, valuesOf } from "./copy-text.js"
import { noPlace, readPlace } from "./event-place.js"
import type { BackupTable } from "./manifest.js"
import { backupText } from "./open.js"
import { onSnapshot } from "./snapshot.js"

/** Events and bytes that are asked for at once. */
const batchRows = 500
const batchBytes = 4 * 1024 * 1024

interface Wish {
  readonly lane: Lane
  readonly block: Block
  readonly seq: number
  readonly row: EventRow
  readonly file: string
  readonly line: number
  /** The act that purged its place since. */
  readonly purged: string | undefined
}

/** One that nothing explains. */
interface Odd {
  readonly lane: Lane
  readonly seq: number
  readonly state: EventDifference["state"]
  readonly backup?: EventRow
  readonly present?: Present | undefined
  readonly file?: string
  readonly line?: number
}

export class Doubtful {
  readonly #compared: Compared
  readonly #client: Client
  readonly #log: LogRows
  /** Of each lane. */
  readonly #first = new Map<Lane, Omit<EventDifference, "events">>()

  constructor(client: Client, compared: Compared) {
    this.#client = client
    this.#compared = compared
    this.#log = new LogRows(client, compared)
  }

  async run(tables: readonly BackupTable[]): Promise<void> {
    const { lanes } = this.#compared
    const files = new Set<number>()
    for (const lane of lanes) {
      for (const [number, block] of lane.blocks) {
        // Of equal blocks nothing is kept.
        if (isEqual(block)) lane.blocks.delete(number)
        else for (const file of block.files) files.add(file)
      }
    }
    for (const file of files) {
      const table = tables[file]
      if (table !== undefined) await this.#read(table)
    }
    for (const lane of lanes) {
      for (const [number, block] of lane.blocks) {
        if (block.log > block.matched) await this.#onlyInLog(lane, block, number)
      }
    }
  }

  /** The first of each lane that differs, in the order of the log. */
  differences(): EventDifference[] {
    const all = [...this.#first].map(([lane, found]) => ({ ...found, events: String(lane.differ) }))
    return all.sort(
      (a, b) =>
        Buffer.compare(Buffer.from(a.organization_id), Buffer.from(b.organization_id)) ||
        Number(a.lane) - Number(b.lane),
    )
  }

  async #read({ name, file }: BackupTable): Promise<void> {
    const { store, manifest, read, lanes } = this.#compared
    const place = noPlace()
    let wishes: Wish[] = []
    let bytes = 0
    let line = 0
    const key = `${manifest.name}/${file.name}`
    for await (const text of linesOf(backupText(store, manifest.name, file, read), key)) {
      line += 1
      if (!readPlace(text, 0, text.length + 1, place)) continue
      const { seq } = place
      const lane = lanes.of(place.organization, place.lane)
      const block = lane.blocks.get(Math.floor(seq / blockSize))
      if (block === undefined) continue
      const row = eventRow(valuesOf(text))
      const where = { lane, seq, file: file.name, line }
      if (see(block, seq)) {
        this.#differs({ ...where, state: "twice", backup: row })
        continue
      }
      wishes.push({ ...where, block, row, purged: lane.purged?.at(seq) })
      bytes += text.length
      if (wishes.length < batchRows && bytes < batchBytes) continue
      await this.#ask(name, wishes)
      wishes = []
      bytes = 0
    }
    if (wishes.length > 0) await this.#ask(name, wishes)
  }

  async #ask(name: string, wishes: readonly Wish[]): Promise<void> {
    const { snapshot, counted } = this.#compared
    counted(wishes.length)
    await onSnapshot(this.#client, snapshot.id, async () => {
      const found = await this.#log.at(wishes, name)
      const altered: { readonly wish: Wish; readonly present: Present }[] = []
      for (const [at, wish] of wishes.entries()) {
        const rows = found.get(at) ?? []
        const { block, purged, row: backup } = wish
        block.matched += rows.length
        const present = rows.find(({ row }) => differences(backup, row).length > 0)
        if (purged !== undefined) {
          if (rows.length > 0)
            this.#differs({ ...wish, state: "purged, and in the log", backup, present: rows[0] })
        } else if (rows.length === 0) this.#differs({ ...wish, state: "not in the log", backup })
        else if (rows.length > 1) this.#differs({ ...wish, state: "twice", backup, present })
        else if (present !== undefined) altered.push({ wish, present })
      }
      await this.#judge(altered)
    })
  }

  /** What differs in nothing but columns of a group that was redacted since, with an entry that tells of it, is explained. */
  async #judge(altered: readonly { readonly wish: Wish; readonly present: Present }[]): Promise<void> {
    const maybe = altered.filter(({ wish, present }) => isRedaction(wish.row, present.row))
    const entries = await this.#log.redacted(maybe.map(({ wish }) => wish))
    const explained = new Set(maybe.filter((_, at) => entries.has(at)).map(({ wish }) => wish))
    for (const { wish, present } of altered) {
      if (explained.has(wish)) {
        wish.lane.explained += 1
        this.#compared.counts.redacted += 1
      } else this.#differs({ ...wish, state: "altered", backup: wish.row, present })
    }
  }

  /** Places of a block that the log has and the backup has not, or that two partitions have. */
  async #onlyInLog(lane: Lane, block: Block, number: number): Promise<void> {
    const { snapshot, manifest } = this.#compared
    const first = number * blockSize
    const last = Math.min(first + blockSize - 1, lane.head)
    const passed = new Set<number>()
    for (const relation of this.#log.partitions) {
      if (manifest.partition !== null && relation.name !== manifest.partition) continue
      await onSnapshot(this.#client, snapshot.id, async () => {
        for (const seq of await this.#log.between(relation, lane, first, last)) {
          const isSecond = passed.has(seq)
          passed.add(seq)
          const isKnown = wasSeen(block, seq) || lane.restored?.at(seq) !== undefined
          if (isKnown && !isSecond) continue
          const [present] = (await this.#log.at([{ lane, seq }], relation.name)).get(0) ?? []
          this.#differs({ lane, seq, state: isSecond ? "twice" : "not in the backup", present })
        }
      })
    }
  }

  #differs({ lane, seq, state, backup, present, file, line }: Odd): void {
    lane.differ += 1
    const known = this.#first.get(lane)
    if (known !== undefined && Number(known.seq) <= seq) return
    const log = present?.row
    const list = backup === undefined || log === undefined ? [] : differences(backup, log)
    const [isBackup, isLog] = [backup !== undefined && fits(backup), log !== undefined && fits(log)]
    this.#first.set(lane, {
      organization_id: nameOf(lane),
      lane: String(lane.number),
      seq: String(seq),
      state,
      fields: list.map(({ column, group, original, present: now }) =>
        group === "identity" || group === "content"
          ? { column, group }
          : { column, group, backup: original, log: now },
      ),
      right: isBackup ? (isLog ? "both" : "backup") : isLog ? "log" : "neither",
      file: file ?? null,
      line: line === undefined ? null : String(line),
      relation: present?.relation ?? null,
    })
  }
}

/** The hash is the same, and what differs belongs to groups of which the log has the digest of what was there. */
function isRedaction(before: EventRow, now: EventRow): boolean {
  const groups = new Set(differences(before, now).map(({ column }) => groupOf(column)))
  const digests = { identity: now.identity_digest, content: now.content_digest } as const
  return [...groups].every(
    (group) => (group === "identity" || group === "content") && digests[group] !== null,
  )
}
