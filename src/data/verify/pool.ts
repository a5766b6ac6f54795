// Runs a scan in one or several worker threads. With one job it runs here, in the calling thread.
import { existsSync } from "node:fs"
import { Worker } from "node:worker_threads"
import type { Client } from "pg"
import { fixedTarget } from "../connection.js"
import { type ChainTotals, merge } from "./chains.js"
import { type Partition, type Piece, pieces, wholePiece } from "./partitions.js"
import { type Misplaced, type ScanJob, type ScanTotals, scan, scanWithin } from "./scan.js"
import { fromFailure, type WorkerFailure } from "./worker-failure.js"

export interface PoolTotals {
  readonly chains: ReadonlyMap<string, ChainTotals>
  readonly outOfBounds: readonly Misplaced[]
  readonly placeless: readonly Misplaced[]
}

type Message =
  | { readonly kind: "next" }
  | { readonly kind: "rows"; readonly rows: number }
  | { readonly kind: "done"; readonly totals: ScanTotals }
  | { readonly kind: "failed"; readonly failure: WorkerFailure }

/** The bundled worker: beside this module in dist/, or in dist/ seen from src/. */
function workerUrl(): URL {
  const beside = new URL("./verify-worker.js", import.meta.url)
  return existsSync(beside) ? beside : new URL("../../../dist/verify-worker.js", import.meta.url)
}

/**
 * What a worker reads is garbage at once, and V8 would let up to 48 MB of it lie in each before it collects; the buffers outside of the heap wait for
 * the same collection. Ten million events took two workers 201 MB of memory with that, 143 MB so, and no more time.
 */
const resourceLimits = { maxYoungGenerationSizeMb: 6 }

/** Blocks below which a second worker costs more than it reads: 16 MiB. */
const smallLog = 2_048

/** How many read at once where nobody has said it. */
export function defaultJobs(partitions: readonly Partition[]): number {
  return isSmall(partitions) ? 1 : 2
}

function isSmall(partitions: readonly Partition[]): boolean {
  return partitions.reduce((sum, partition) => sum + partition.blocks, 0) < smallLog
}

/** `holder`: the client that has exported the snapshot, and nothing else to do meanwhile. */
export async function scanAll(
  holder: Client,
  job: ScanJob,
  progress: (rows: number) => void,
  signal?: AbortSignal,
): Promise<PoolTotals> {
  signal?.throwIfAborted()
  const queue = job.starts === undefined ? pieces(job.partitions) : job.partitions.map(wholePiece)
  const count = Math.max(1, Math.min(job.jobs, queue.length))
  let rows = 0
  const counted = (more: number) => {
    rows += more
    progress(rows)
  }
  const next = async () => queue.shift()
  const parts =
    count === 1
      ? [
          // Of a standby the replay may end the session with the snapshot, and only another one can tell why.
          isSmall(job.partitions) && !job.isStandby
            ? await scanWithin(holder, job, next, counted, signal)
            : await scan(job, next, counted, signal),
        ]
      : await Promise.all(Array.from({ length: count }, () => runWorker(job, queue, counted, signal)))
  const chains = new Map<string, ChainTotals>()
  for (const part of parts) merge(chains, part.chains)
  return {
    chains,
    outOfBounds: parts.flatMap((part) => part.outOfBounds),
    placeless: parts.flatMap((part) => part.placeless),
  }
}

function runWorker(
  job: ScanJob,
  queue: Piece[],
  counted: (rows: number) => void,
  signal?: AbortSignal,
): Promise<ScanTotals> {
  return new Promise((resolve, reject) => {
    // Flags of the program that uses this library are not for the worker: --input-type would end it.
    const worker = new Worker(workerUrl(), {
      workerData: { ...job, target: fixedTarget(job.target) },
      execArgv: [],
      resourceLimits,
    })
    const stop = (error: unknown) => {
      queue.length = 0
      void worker.terminate()
      reject(error)
    }
    const onAbort = () => stop(signal?.reason)
    signal?.addEventListener("abort", onAbort, { once: true })
    worker.on("message", (message: Message) => {
      if (message.kind === "next") worker.postMessage(queue.shift() ?? null)
      else if (message.kind === "rows") counted(message.rows)
      else if (message.kind === "done") resolve(message.totals)
      else stop(fromFailure(message.failure))
    })
    worker.on("error", stop)
    worker.on("exit", () => {
      signal?.removeEventListener("abort", onAbort)
      reject(new Error("a verify worker ended without an answer"))
    })
  })
}
