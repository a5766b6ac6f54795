// Reads the files of events in one or several threads, the largest first, so that they end together.
import { existsSync } from "node:fs"
import { Worker } from "node:worker_threads"
import type { S3Settings, Store } from "../store/store.js"
import { type ChainTotals, merge } from "../verify/chains.js"
import { fromFailure, type WorkerFailure } from "../verify/worker-failure.js"
import type { BackupTable } from "./manifest.js"
import { ownSignal } from "./own-signal.js"
import { type EventJob, type EventTotals, scanFiles } from "./verify-scan.js"

/** Plain data: it goes to another thread. */
export interface PoolJob {
  readonly location: string
  readonly s3: S3Settings | undefined
  readonly job: EventJob
}

export interface PooledEvents extends Omit<EventTotals, "chains"> {
  readonly chains: ReadonlyMap<string, ChainTotals>
}

type Message =
  | { readonly kind: "next" }
  | { readonly kind: "rows"; readonly rows: number }
  | { readonly kind: "done"; readonly totals: EventTotals }
  | { readonly kind: "failed"; readonly failure: WorkerFailure }

/** The bundled worker: beside this module in dist/, or in dist/ seen from src/. */
function workerUrl(): URL {
  const beside = new URL("./verify-backup-worker.js", import.meta.url)
  return existsSync(beside) ? beside : new URL("../../../dist/verify-backup-worker.js", import.meta.url)
}

/** 64 MiB of text: below it another thread costs more than it reads. */
const small = 64n * 1024n * 1024n

/** `s3`: what a thread needs to open the store again; without it a bucket is read by this thread alone. */
export async function scanEvents(
  store: Store,
  job: EventJob,
  tables: readonly BackupTable[],
  options: {
    readonly jobs?: number | undefined
    readonly s3?: S3Settings | undefined
    readonly signal?: AbortSignal | undefined
    readonly progress?: ((events: number) => void) | undefined
  },
): Promise<PooledEvents> {
  const { s3, signal, progress = () => undefined } = options
  const bytes = (table: BackupTable): bigint => BigInt(table.file.text.bytes)
  const queue = [...tables].sort((a, b) => (bytes(a) > bytes(b) ? -1 : 1))
  const total = queue.reduce((sum, table) => sum + bytes(table), 0n)
  const canShare = store.location.startsWith("file:") || s3 !== undefined
  const jobs = canShare ? (options.jobs ?? (total < small ? 1 : 2)) : 1
  const count = Math.max(1, Math.min(jobs, queue.length))
  let rows = 0
  const counted = (more: number): void => {
    rows += more
    progress(rows)
  }
  const parts =
    count === 1
      ? [await scanFiles(store, job, async () => queue.shift(), counted, signal)]
      : await Promise.all(
          Array.from({ length: count }, () =>
            runWorker({ location: store.location, s3, job }, queue, counted, ownSignal(signal)),
          ),
        )
  const chains = new Map<string, ChainTotals>()
  for (const part of parts) merge(chains, part.chains)
  return {
    files: parts.flatMap(({ files }) => files),
    chains,
    outOfBounds: parts.flatMap(({ outOfBounds }) => outOfBounds),
    placeless: parts.flatMap(({ placeless }) => placeless),
    bad: parts.flatMap(({ bad }) => bad),
    strange: parts.reduce((sum, { strange }) => sum + strange, 0),
  }
}

function runWorker(
  job: PoolJob,
  queue: BackupTable[],
  counted: (rows: number) => void,
  signal: AbortSignal,
): Promise<EventTotals> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(workerUrl(), { workerData: job, execArgv: [] })
    const stop = (error: unknown): void => {
      queue.length = 0
      void worker.terminate()
      reject(error)
    }
    const onAbort = (): void => stop(signal.reason)
    signal.addEventListener("abort", onAbort, { once: true })
    worker.on("message", (message: Message) => {
      if (message.kind === "next") worker.postMessage(queue.shift() ?? null)
      else if (message.kind === "rows") counted(message.rows)
      else if (message.kind === "done") resolve(message.totals)
      else stop(fromFailure(message.failure))
    })
    worker.on("error", stop)
    worker.on("exit", () => {
      signal.removeEventListener("abort", onAbort)
      reject(new Error("a thread that read a backup ended without an answer"))
    })
  })
}
