// Reads archives, one after another or two at a time, each in a thread of its own: what one takes of memory does not grow with its size.
import { existsSync } from "node:fs"
import { Worker } from "node:worker_threads"
import { type ArchiveJob, type ArchiveRead, readArchive } from "./read-archive.js"
import { fromFailure, type WorkerFailure } from "./worker-failure.js"

type Message =
  | { readonly kind: "rows"; readonly events: number }
  | { readonly kind: "done"; readonly read: ArchiveRead }
  | { readonly kind: "failed"; readonly failure: WorkerFailure }

/** The bundled worker: beside this module in dist/, or in dist/ seen from src/. */
function workerUrl(): URL {
  const beside = new URL("./verify-archive-worker.js", import.meta.url)
  return existsSync(beside) ? beside : new URL("../../../dist/verify-archive-worker.js", import.meta.url)
}

const mostAtOnce = 2

/** What each came to, or why it could not be read. `threads`: how many read at once; 1 is the calling thread. */
export async function readArchives(
  jobs: readonly ArchiveJob[],
  threads: number,
  progress: (events: number) => void,
  signal?: AbortSignal,
): Promise<(ArchiveRead | Error)[]> {
  const results: (ArchiveRead | Error)[] = []
  const queue = [...jobs.entries()]
  const count = Math.min(threads, mostAtOnce, jobs.length)
  const read = count <= 1 ? readArchive : readInThread
  let done = 0
  const work = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      signal?.throwIfAborted()
      const [at, job] = next
      let seen = 0
      const counted = (events: number) => {
        done += events - seen
        seen = events
        progress(done)
      }
      results[at] = await read(job, counted, signal).catch((error: unknown) => {
        signal?.throwIfAborted()
        return error instanceof Error ? error : new Error(String(error))
      })
    }
  }
  await Promise.all(Array.from({ length: Math.max(1, count) }, work))
  return results
}

function readInThread(
  job: ArchiveJob,
  progress: (events: number) => void,
  signal?: AbortSignal,
): Promise<ArchiveRead> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(workerUrl(), { workerData: job, execArgv: [] })
    const stop = (error: unknown) => {
      void worker.terminate()
      reject(error)
    }
    const onAbort = () => stop(signal?.reason)
    signal?.addEventListener("abort", onAbort, { once: true })
    worker.on("message", (message: Message) => {
      if (message.kind === "rows") progress(message.events)
      else if (message.kind === "done") resolve(message.read)
      else stop(fromFailure(message.failure))
    })
    worker.on("error", stop)
    worker.on("exit", () => {
      signal?.removeEventListener("abort", onAbort)
      reject(new Error("a worker that read an archive ended without an answer"))
    })
  })
}
