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
    if (again === "" || !(error instanceof TrailError)) throw error
    const { code, message, sqlstate } = error
    const hint = error.hint?.replace(command, (whole) => `${whole}${again}`)
    throw new TrailError(code, message, { hint, sqlstate, cause: error })
  }
  return {
    ...done,
    next: done.next.map((step) => `${step}${again}`),
    grants: done.grants.map((one) => ({ ...one, command: one.command && `${one.command}${again}` })),
  }
}

/** Up to the end of it, or to a semicolon: what stands in brackets behind one is no part of it, and then nobody knows where it ends. */
const command = /(?:or|by itself): pgtrail (?:[^();']|'[^']*')*(?=;|$)/
