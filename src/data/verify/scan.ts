// One worker's pass: reads pieces of partitions on the exported snapshot, each in a transaction of its own, and hashes every row.
import type { Client } from "pg"
import { to as copyTo } from "pg-copy-streams"
import { type ConnectionTarget, destroy, withClient } from "../connection.js"
import { Chains, type ChainTotals } from "./chains.js"
import { boundsCheck, type Partition, type Piece } from "./partitions.js"
import { idOf, laneOf, organizationOf, RowReader, recordColumns } from "./row.js"

export interface ScanJob {
  readonly target: ConnectionTarget
  readonly snapshot: string
  /** 32 bytes, drawn for this verification. */
  readonly key: Uint8Array
  readonly partitions: readonly Partition[]
  /** Quoted by the server; undefined for all organizations. */
  readonly organizationLiteral: string | undefined
  /** Heads seen by an earlier verification, by chain key. */
  readonly watched: ReadonlyMap<string, number>
}

/** A row outside the bounds of its partition, or one that has no place in any chain. */
export interface Misplaced {
  readonly organization_id: string | null
  readonly lane: string | null
  readonly seq: string | null
  readonly event_id: string | null
  readonly partition: string
}

export interface ScanTotals {
  readonly chains: readonly ChainTotals[]
  readonly outOfBounds: readonly Misplaced[]
  /** Rows without a usable place: null or malformed chain columns. */
  readonly placeless: readonly Misplaced[]
}

const mostMisplaced = 10_000

/**
 * Takes pieces from `next` until there are none. A partition that was dropped meanwhile raises SQLSTATE 42P01: the caller starts
 * again on a fresh snapshot.
 */
export function scan(
  job: ScanJob,
  next: () => Promise<Piece | undefined>,
  counted: (rows: number) => void,
  signal?: AbortSignal,
): Promise<ScanTotals> {
  return withClient(job.target, async (client) => {
    const chains = new Chains(job.key)
    for (const [chain, seq] of job.watched) chains.state(chain).watchedSeq = seq
    const outOfBounds: Misplaced[] = []
    const placeless: Misplaced[] = []
    for (let piece = await next(); piece !== undefined; piece = await next()) {
      signal?.throwIfAborted()
      const current = piece
      const inBounds = boundsCheck(current, job.partitions)
      let rows = 0
      const reader = new RowReader((row) => {
        rows += 1
        if (Number.isNaN(row.seq)) {
          if (placeless.length < mostMisplaced) {
            placeless.push({
              organization_id: null,
              lane: null,
              seq: null,
              event_id: null,
              partition: current.relation,
            })
          }
          return
        }
        chains.add(row)
        if (!inBounds(row.timeHigh, row.timeLow) && outOfBounds.length < mostMisplaced) {
          outOfBounds.push({
            organization_id: organizationOf(row),
            lane: String(laneOf(row)),
            seq: String(row.seq),
            event_id: idOf(row),
            partition: current.relation,
          })
        }
      })
      await client.query("begin isolation level repeatable read read only")
      await client.query(`set transaction snapshot '${job.snapshot.replaceAll("'", "")}'`)
      await copy(client, pieceQuery(current, job.organizationLiteral), reader, signal)
      await client.query("commit")
      counted(rows)
    }
    chains.finish()
    const totals = [...chains.states.values()].filter((state) => state.events > 0)
    return { chains: totals, outOfBounds, placeless }
  })
}

function pieceQuery(piece: Piece, organization: string | undefined): string {
  const conditions = [
    ...(piece.firstBlock > 0 ? [`ctid >= '(${piece.firstBlock},0)'`] : []),
    ...(piece.lastBlock === undefined ? [] : [`ctid < '(${piece.lastBlock},0)'`]),
    ...(organization === undefined ? [] : [`organization_id = ${organization}`]),
  ]
  const where = conditions.length === 0 ? "" : ` where ${conditions.join(" and ")}`
  return `select ${recordColumns} from only ${piece.relation}${where}`
}

/** Streams `select` as a binary COPY into `reader`. */
export async function copy(
  client: Client,
  select: string,
  reader: RowReader,
  signal?: AbortSignal,
): Promise<void> {
  const stream = client.query(copyTo(`copy (${select}) to stdout (format binary)`))
  try {
    for await (const chunk of stream) {
      signal?.throwIfAborted()
      reader.push(chunk as Buffer)
    }
  } catch (error) {
    // node-pg-copy-streams waits for ever for a reader that has failed.
    destroy(client)
    throw error
  }
}
