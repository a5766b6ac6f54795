// A worker thread of verify: scans pieces as the main thread hands them out.
import { parentPort, workerData } from "node:worker_threads"
import type { Piece } from "./partitions.js"
import { type ScanJob, scan } from "./scan.js"
import { failureOf } from "./worker-failure.js"

if (parentPort !== null) {
  const port = parentPort
  let handOver: (piece: Piece | undefined) => void = () => undefined
  port.on("message", (piece: Piece | null) => handOver(piece ?? undefined))
  const next = () =>
    new Promise<Piece | undefined>((resolve) => {
      handOver = resolve
      port.postMessage({ kind: "next" })
    })
  try {
    const totals = await scan(workerData as ScanJob, next, (rows) => port.postMessage({ kind: "rows", rows }))
    port.postMessage({ kind: "done", totals })
  } catch (error) {
    port.postMessage({ kind: "failed", failure: failureOf(error) })
  } finally {
    port.close()
  }
}
