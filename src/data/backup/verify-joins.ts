// What a database joins, out of the rows of a backup: the newest head of each lane, signatures with their acts, archives with their records.
import { microseconds } from "../binary.js"
import type { PurgeRecord } from "../purge/records.js"
import type { ArchiveRow, HeadRow, SignatureRow } from "../verify/log-tables.js"

export type Row = Readonly<Record<string, string | null>>

export async function newestHeads(rows: AsyncIterable<Row>): Promise<HeadRow[]> {
  const heads: HeadRow[] = []
  for await (const row of rows) {
    const { organization_id, lane, seq, hash } = row as Readonly<Record<string, string>>
    const last = heads.at(-1)
    const isSame = last?.organization_id === organization_id && last?.lane === lane
    const now = {
      organization_id: organization_id ?? "",
      lane: lane ?? "",
      seq: seq ?? "",
      hash: hash?.slice(2) ?? "",
    }
    if (isSame) heads[heads.length - 1] = { ...now, first: last?.first ?? null }
    else heads.push({ ...now, first: null })
    if (seq === "0") heads[heads.length - 1] = { ...now, first: now.hash }
  }
  return heads
}

const placeOf = ({ organization_id, seq }: Row): string => JSON.stringify([organization_id, seq])

export async function withActs(
  signatures: readonly Row[],
  acts: AsyncIterable<Row>,
): Promise<SignatureRow[]> {
  const signed = new Map(signatures.map((row) => [placeOf(row), undefined as Row | undefined]))
  if (signed.size > 0)
    for await (const act of acts) if (signed.has(placeOf(act))) signed.set(placeOf(act), act)
  return signatures.map((row) => {
    const act = signed.get(placeOf(row))
    return {
      organization_id: row.organization_id ?? "",
      seq: row.seq ?? "",
      signature: row.signature ?? "",
      kind: act?.kind ?? null,
      hash: act?.hash?.slice(2) ?? null,
      recorded_at: act?.recorded_at ?? null,
    }
  })
}

export const archiveColumns = [
  "act_seq",
  "name",
  "location",
  "partition_name",
  "since",
  "until",
  "events",
  "bytes",
  "manifest",
  "oldest_occurred_at",
  "newest_occurred_at",
  "restored_seq",
  "removed_seq",
]

export async function archiveRows(
  archives: readonly Row[],
  purges: AsyncIterable<PurgeRecord>,
): Promise<ArchiveRow[]> {
  const times = new Map<string, { oldest: bigint; newest: bigint }>()
  const wanted = new Set(archives.map((row) => row.act_seq))
  if (wanted.size > 0) {
    for await (const { act_seq, oldest_occurred_at, newest_occurred_at } of purges) {
      if (!wanted.has(act_seq)) continue
      const [oldest, newest] = [microseconds(oldest_occurred_at), microseconds(newest_occurred_at)]
      const of = times.get(act_seq) ?? { oldest, newest }
      times.set(act_seq, {
        oldest: oldest < of.oldest ? oldest : of.oldest,
        newest: newest > of.newest ? newest : of.newest,
      })
    }
  }
  return archives.map((row) => {
    const of = times.get(row.act_seq ?? "")
    const isTime = (text: string | null | undefined, time: bigint | undefined) =>
      (text == null ? undefined : microseconds(text)) === time
    const hasTimes = isTime(row.oldest_occurred_at, of?.oldest) && isTime(row.newest_occurred_at, of?.newest)
    const { restored_seq, removed_seq, ...others } = row
    const manifest = row.manifest?.slice(2) ?? ""
    return {
      ...others,
      manifest,
      restored_seq,
      removed_seq,
      has_times: hasTimes ? "t" : "f",
    } as unknown as ArchiveRow
  })
}
