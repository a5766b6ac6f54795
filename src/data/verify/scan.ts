// One worker's pass: reads pieces of partitions on the exported snapshot, each in a transaction of its own, and hashes every row. A
// small log is read by the connection that has the snapshot: another would cost more than the events.
import type { Client } from "pg"
import { to as copyTo } from "pg-copy-streams"
import { type ConnectionTarget, destroy, withClient } from "../connection.js"
import { Chains, type ChainTotals } from "./chains.js"
import { Pace } from "./pace.js"
import { boundsCheck, holdPartition, type Partition, type Piece } from "./partitions.js"
import { idOf, laneOf, organizationOf } from "./row.js"
import { RowReader, recordColumns, redactedColumns } from "./row-reader.js"
import { digestOf } from "./seen.js"

export interface ScanJob {
  readonly target: ConnectionTarget
  /** How many workers share it. */
  readonly jobs: number
  readonly snapshot: string
  readonly isStandby: boolean
  /** 32 bytes, drawn for this verification. */
  readonly key: Uint8Array
  readonly partitions: readonly Partition[]
  /** Quoted by the server; undefined for all organizations. */
  readonly organizationLiteral: string | undefined
  /** Places that anchors know, by chain key. */
  readonly watched: ReadonlyMap<string, readonly number[]>
  /** In an incremental verification the chains with new events, and the seq after which to read; three array literals, quoted by the server. */
  readonly starts: readonly [organizations: string, lanes: string, seqs: string] | undefined
  /** Whether anything was ever redacted in this log. */
  readonly hasEntries: boolean
  /** Events a second of this worker; undefined is as fast as it goes. */
  readonly rate: number | undefined
}

/** A row outside the bounds of its partition, or one that has no place in any chain. */
export interface Misplaced {
  readonly organization_id: string | null
  readonly lane: string | null
  readonly seq: string | null
  readonly event_id: string | null
  readonly partition: string
  /** sha256 of its record; hex. */
  readonly evidence: string
}

export interface ScanTotals {
  readonly chains: readonly ChainTotals[]
  readonly outOfBounds: readonly Misplaced[]
  /** Rows without a usable place: null or malformed chain columns. */
  readonly placeless: readonly Misplaced[]
}

const mostMisplaced = 10_000

/** Takes pieces from `next` until there are none. Skips a partition that was dropped meanwhile: its chains do not close, and are read again. */
export function scan(
  job: ScanJob,
  next: () => Promise<Piece | undefined>,
  counted: (rows: number) => void,
  signal?: AbortSignal,
): Promise<ScanTotals> {
  return withClient(job.target, (client) => scanBy(ownTransactions(client, job), job, next, counted, signal))
}

/** The same by a client that is in the transaction of the snapshot, and stays in it: for a log of which no piece takes long. */
export function scanWithin(
  client: Client,
  job: ScanJob,
  next: () => Promise<Piece | undefined>,
  counted: (rows: number) => void,
  signal?: AbortSignal,
): Promise<ScanTotals> {
  return scanBy(savepoints(client), job, next, counted, signal)
}

/** How a piece is read so that its lock does not outlive it. */
interface Reading {
  readonly client: Client
  readonly begin: () => Promise<unknown>
  readonly undo: string
  readonly end: () => Promise<unknown>
  readonly copy: typeof copy
}

function ownTransactions(client: Client, job: ScanJob): Reading {
  const snapshot = job.snapshot.replaceAll("'", "")
  return {
    client,
    begin: () =>
      client.query(`begin isolation level repeatable read read only; set transaction snapshot '${snapshot}'`),
    undo: "rollback",
    end: () => client.query("commit"),
    copy,
  }
}

function savepoints(client: Client): Reading {
  const undo = "rollback to savepoint piece; release savepoint piece"
  return {
    client,
    begin: () => client.query("savepoint piece"),
    undo,
    end: () => client.query(undo),
    copy: copyWhole,
  }
}

async function scanBy(
  { client, begin, undo, end, copy }: Reading,
  job: ScanJob,
  next: () => Promise<Piece | undefined>,
  counted: (rows: number) => void,
  signal?: AbortSignal,
): Promise<ScanTotals> {
  const chains = new Chains(job.key)
  for (const [chain, seqs] of job.watched) chains.state(chain).watched = new Map(seqs.map((seq) => [seq, ""]))
  const pace = new Pace(job.rate)
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
            evidence: digestOf(row),
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
          evidence: digestOf(row),
        })
      }
    })
    await begin()
    if (!(await holdPartition(client, current.relation, undo))) continue
    // The planner knows nothing of how few events are new; every one is found by the primary key.
    if (job.starts !== undefined) {
      await client.query(
        "set local enable_seqscan = off; set local enable_hashjoin = off; set local enable_mergejoin = off",
      )
    }
    await copy(client, pieceQuery(current, job), reader, signal, pace)
    await end()
    counted(rows)
  }
  chains.finish()
  const totals = [...chains.states.values()].filter((state) => state.events > 0)
  return { chains: totals, outOfBounds, placeless }
}

function pieceQuery(piece: Piece, { organizationLiteral, starts, hasEntries }: ScanJob): string {
  const conditions = [
    ...(piece.firstBlock > 0 ? [`ctid >= '(${piece.firstBlock},0)'`] : []),
    ...(piece.lastBlock === undefined ? [] : [`ctid < '(${piece.lastBlock},0)'`]),
    ...(organizationLiteral === undefined ? [] : [`organization_id = ${organizationLiteral}`]),
  ]
  const join =
    starts === undefined
      ? ""
      : ` join unnest(${starts[0]}::text[], ${starts[1]}::smallint[], ${starts[2]}::bigint[])
          start (start_organization, start_lane, start_seq)
          on organization_id = start_organization collate "C" and lane = start_lane and seq > start_seq`
  const where = conditions.length === 0 ? "" : ` where ${conditions.join(" and ")}`
  return `select ${hasEntries ? redactedColumns : recordColumns} from only ${piece.relation} event${join}${where}`
}

/** As `copy`, but a reader that fails does not cost the connection: what is left of a small log is let pass. */
async function copyWhole(
  client: Client,
  select: string,
  reader: RowReader,
  signal?: AbortSignal,
  pace?: Pace,
): Promise<void> {
  const failures: unknown[] = []
  for await (const chunk of client.query(copyTo(`copy (${select}) to stdout (format binary)`))) {
    if (failures.length > 0) continue
    try {
      signal?.throwIfAborted()
      const before = reader.rows
      reader.push(chunk as Buffer)
      if (pace !== undefined) await pace.wait(reader.rows - before, signal)
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw failures[0]
}

/** Streams `select` as a binary COPY into `reader`. */
export async function copy(
  client: Client,
  select: string,
  reader: RowReader,
  signal?: AbortSignal,
  pace?: Pace,
): Promise<void> {
  const stream = client.query(copyTo(`copy (${select}) to stdout (format binary)`))
  try {
    for await (const chunk of stream) {
      signal?.throwIfAborted()
      const before = reader.rows
      reader.push(chunk as Buffer)
      if (pace !== undefined) await pace.wait(reader.rows - before, signal)
    }
  } catch (error) {
    // node-pg-copy-streams waits for ever for a reader that has failed.
    destroy(client)
    throw error
  }
}
