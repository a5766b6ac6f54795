// A worker thread of verify: scans pieces as the main thread hands them out.
import { parentPort, workerData } from "node:worker_threads"
import { TrailError } from "../errors.js"
import type { Piece } from "./partitions.js"
import { type ScanJob, scan } from "./scan.js"

export interface WorkerFailure {
  readonly code: TrailError["code"] | undefined
  readonly message: string
  readonly hint: string | undefined
  readonly sqlstate: string | undefined
}

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
    const known = error instanceof TrailError ? error : undefined
    const failure: WorkerFailure = {
      code: known?.code,
      message: error instanceof Error ? error.message : String(error),
      hint: known?.hint,
      sqlstate: known?.sqlstate,
    }
    port.postMessage({ kind: "failed", failure })
  } finally {
    port.close()
  }
}
