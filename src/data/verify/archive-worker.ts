// A worker thread of verify that reads one archive.
import { parentPort, workerData } from "node:worker_threads"
import { type ArchiveJob, readArchive } from "./read-archive.js"
import { failureOf } from "./worker-failure.js"

if (parentPort !== null) {
  const port = parentPort
  try {
    const read = await readArchive(workerData as ArchiveJob, (events) =>
      port.postMessage({ kind: "rows", events }),
    )
    port.postMessage({ kind: "done", read })
  } catch (error) {
    port.postMessage({ kind: "failed", failure: failureOf(error) })
  } finally {
    port.close()
  }
}
