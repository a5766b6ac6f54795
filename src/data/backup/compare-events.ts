// The first reading of both sides: every event goes into the sum of its place, unless acts or its age say that the other side lacks it.
import type { Client } from "pg"
import type { Store } from "../store/store.js"
import { plural } from "../words.js"
import { type Lane, Lanes, Since } from "./compare-lanes.js"
import { CopyOut } from "./copy-out.js"
import { copyOut } from "./copy-read.js"
import { linesOf, valuesOf } from "./copy-text.js"
import { noPlace, readPlace } from "./event-place.js"
import type { BackupManifest, BackupTable } from "./manifest.js"
import { backupText, type ReadBackupOptions } from "./open.js"
import { holdRelation, type Relation } from "./relations.js"
import { onSnapshot, type Snapshot } from "./snapshot.js"
import { copyText } from "./write-table.js"

export interface Compared {
  readonly store: Store
  readonly manifest: BackupManifest
  readonly read: ReadBackupOptions
  readonly snapshot: Snapshot
  /** Quoted by the server; undefined for all. */
  readonly organizationLiteral: string | undefined
  readonly lanes: Lanes
  readonly counts: Counts
  /** Called with the rows that were read since. */
  readonly counted: (rows: number) => void
}

export class Counts {
  backup = 0
  log = 0
  /** By act: events that the backup has and that were purged since, and those that came back. */
  readonly purged = new Map<string, number>()
  readonly restored = new Map<string, number>()
  /** Acts since by which events went into an archive. */
  readonly archives = new Set<string>()
  redacted = 0
  /** Rows and lines that stand at no place. */
  odd = 0
  readonly warnings: string[] = []
}

const count = (counts: Map<string, number>, act: string): void => {
  counts.set(act, (counts.get(act) ?? 0) + 1)
}

/** The backup's heads, and what purges and restores since have done, on the snapshot. */
export async function readLanes(
  client: Client,
  { store, manifest, read }: Pick<Compared, "store" | "manifest" | "read">,
  { relations }: Snapshot,
): Promise<Lanes> {
  const lanes = new Lanes()
  const [heads] = manifest.lists
  if (heads !== undefined) {
    const key = `${manifest.name}/${heads.file.name}`
    for await (const line of linesOf(backupText(store, manifest.name, heads.file, read), key)) {
      const [organization = "", lane = "", seq = ""] = line.toString("latin1").split("\t")
      lanes.of(organization, Number(lane)).head = Number(seq)
    }
  }
  const purge = relations.find(({ name, kind }) => name === "purge" && kind === "table")
  if (purge === undefined) return lanes
  const since = manifest.act?.seq ?? "0"
  const restored = purge.columns.includes("restored_seq") ? "restored_seq" : "null::bigint"
  const copy = new CopyOut(
    `copy (select organization_id, lane, act_seq, ${restored}, ranges from ${purge.quoted}
       where act_seq > ${since} or ${restored} > ${since}) to stdout`,
  )
  for await (const line of linesOf(copyOut(client, copy, read), "the table purge")) {
    const [organization = "", number = "", act = "", back = "", ranges = ""] = line
      .toString("latin1")
      .split("\t")
    const lane = lanes.of(organization, Number(number))
    if (back === "\\N") {
      lane.purged ??= new Since()
      lane.purged.add(ranges, act)
      // What was purged and came back since is in both.
    } else if (BigInt(act) <= BigInt(since)) {
      lane.restored ??= new Since()
      lane.restored.add(ranges, back)
    }
  }
  return lanes
}

/** A partition of the log, in a short transaction on the snapshot. */
export async function readRelation(client: Client, relation: Relation, compared: Compared): Promise<void> {
  const { lanes, counts, counted, read } = compared
  const place = noPlace()
  let odd = 0
  const visit = (bytes: Buffer, start: number, end: number): void => {
    if (!readPlace(bytes, start, end, place)) {
      odd += 1
      return
    }
    counts.log += 1
    const lane = lanes.of(place.organization, place.lane)
    if (place.seq > lane.head) {
      lane.appended += 1
      return
    }
    const back = lane.restored?.at(place.seq)
    if (back !== undefined) {
      lane.explained += 1
      count(counts.restored, back)
    } else lanes.add(lane.block(place.seq), "log", bytes, start, end - 1)
  }
  await onSnapshot(client, compared.snapshot.id, async () => {
    await holdRelation(client, relation)
    const copy = new CopyOut(copyText(relation, compared.organizationLiteral), visit)
    let told = 0
    for await (const _ of copyOut(client, copy, read)) {
      counted(copy.rows - told)
      told = copy.rows
    }
  })
  counts.odd += odd
  if (odd > 0)
    counts.warnings.push(
      `${plural(odd, "row")} of ${relation.name} ${odd === 1 ? "stands" : "stand"} at no place: pgtrail verify`,
    )
}

/** A file of the backup; `file` is its number. */
export async function readFile(table: BackupTable, file: number, compared: Compared): Promise<void> {
  const { store, manifest, lanes, counts, counted, read } = compared
  const place = noPlace()
  const key = `${manifest.name}/${table.file.name}`
  let odd = 0
  let rows = 0
  for await (const line of linesOf(backupText(store, manifest.name, table.file, read), key)) {
    rows += 1
    if (rows % 10_000 === 0) counted(10_000)
    if (!readPlace(line, 0, line.length + 1, place)) {
      odd += 1
      continue
    }
    counts.backup += 1
    const lane = lanes.of(place.organization, place.lane)
    const act = lane.purged?.at(place.seq)
    const block = lane.block(place.seq)
    if (block.files.at(-1) !== file) block.files.push(file)
    if (act !== undefined) {
      lane.explained += 1
      count(counts.purged, act)
    } else lanes.add(block, "backup", line, 0, line.length)
  }
  counted(rows % 10_000)
  counts.odd += odd
  if (odd > 0)
    counts.warnings.push(
      `${plural(odd, "line")} of ${table.file.name} ${odd === 1 ? "stands" : "stand"} at no place`,
    )
}

/** As the server writes it. */
export const nameOf = ({ organization }: Lane): string =>
  valuesOf(Buffer.from(organization, "latin1"))[0] ?? ""
