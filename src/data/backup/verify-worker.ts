// A worker thread of `backup verify`: reads files of events, one after another, as they are given out.
import { parentPort, workerData } from "node:worker_threads"
import { openStore } from "../store/store.js"
import { failureOf } from "../verify/worker-failure.js"
import type { BackupTable } from "./manifest.js"
import type { PoolJob } from "./verify-pool.js"
import { scanFiles } from "./verify-scan.js"

if (parentPort !== null) {
  const port = parentPort
  const { location, s3, job } = workerData as PoolJob
  const next = (): Promise<BackupTable | undefined> =>
    new Promise((resolve) => {
      port.once("message", (table: BackupTable | null) => resolve(table ?? undefined))
      port.postMessage({ kind: "next" })
    })
  try {
    const store = await openStore(location, { s3 })
    try {
      const totals = await scanFiles(store, job, next, (rows) => port.postMessage({ kind: "rows", rows }))
      port.postMessage({ kind: "done", totals })
    } finally {
      await store.close()
    }
  } catch (error) {
    port.postMessage({ kind: "failed", failure: failureOf(error) })
  } finally {
    port.close()
  }
}
