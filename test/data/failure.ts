// The TrailError that a call fails with; a test goes on to look at its code and words.
import { TrailError } from "../../src/data/index.js"

export async function failureOf(work: Promise<unknown> | (() => unknown)): Promise<TrailError> {
  let error: unknown
  try {
    await (typeof work === "function" ? work() : work)
  } catch (thrown) {
    error = thrown
  }
  if (!(error instanceof TrailError)) throw new Error(`expected a TrailError, got ${String(error)}`)
  return error
}
