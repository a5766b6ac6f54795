// Reads events as verify does: binary COPY of the canonical records through RowReader.
import type { Client } from "pg"
import { idOf, laneOf, organizationOf, type Row } from "../../src/data/verify/row.js"
import { RowReader, recordColumns } from "../../src/data/verify/row-reader.js"
import { copy } from "../../src/data/verify/scan.js"

/** A row of the reader, kept: the reader uses its own again. Hashes as hex. */
export interface SeenRow {
  readonly organization: string
  readonly lane: number
  readonly seq: number
  readonly version: number
  readonly previous: string
  readonly hash: string
  readonly computed: string
  readonly redactedIdentity: boolean
  readonly redactedContent: boolean
  readonly time: bigint
}

const hex = (latin1: string): string => Buffer.from(latin1, "latin1").toString("hex")

export function kept(row: Row): SeenRow {
  return {
    organization: organizationOf(row),
    lane: laneOf(row),
    seq: row.seq,
    version: row.version,
    previous: hex(row.previous),
    hash: hex(row.hash),
    computed: hex(row.computed),
    redactedIdentity: row.redactedIdentity,
    redactedContent: row.redactedContent,
    time: (BigInt(row.timeHigh) << 32n) | BigInt(row.timeLow),
  }
}

/** By event id. `from` is a table, with a condition where wanted. */
export async function readRecords(client: Client, from: string): Promise<Map<string, SeenRow>> {
  const rows = new Map<string, SeenRow>()
  const reader = new RowReader((row) => rows.set(idOf(row), kept(row)))
  await copy(client, `select ${recordColumns} from ${from}`, reader)
  return rows
}
