// Commands that a restore says to run next reach the same database as the restore: --url again, where the line had it.
import { TrailError } from "../data/errors.js"
import type { RestoredBackup } from "../data/index.js"
import { urlAgain } from "./again.js"

/** What it came to, or its refusal. */
export async function withUrl(
  restoring: Promise<RestoredBackup>,
  url: string | undefined,
): Promise<RestoredBackup> {
  const again = urlAgain(url)
  let done: RestoredBackup
  try {
    done = await restoring
  } catch (error) {
    // Only a hint that ends with a command: what stands behind one is no part of it.
    const isCommand = error instanceof TrailError && /(or|by itself): pgtrail [^()]*$/.test(error.hint ?? "")
    if (again === "" || !isCommand) throw error
    const { code, message, hint, sqlstate } = error
    throw new TrailError(code, message, { hint: `${hint}${again}`, sqlstate, cause: error })
  }
  return {
    ...done,
    next: done.next.map((step) => `${step}${again}`),
    grants: done.grants.map((one) => ({ ...one, command: one.command && `${one.command}${again}` })),
  }
}
