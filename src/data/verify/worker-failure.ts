// An error on its way from a worker thread: no class survives it.
import { TrailError } from "../errors.js"

export interface WorkerFailure {
  readonly code: TrailError["code"] | undefined
  readonly message: string
  readonly hint: string | undefined
  readonly sqlstate: string | undefined
}

export function failureOf(error: unknown): WorkerFailure {
  const known = error instanceof TrailError ? error : undefined
  return {
    code: known?.code,
    message: error instanceof Error ? error.message : String(error),
    hint: known?.hint,
    sqlstate: known?.sqlstate,
  }
}

export function fromFailure(failure: WorkerFailure): Error {
  if (failure.code === undefined) return new Error(failure.message)
  return new TrailError(failure.code, failure.message, { hint: failure.hint, sqlstate: failure.sqlstate })
}
