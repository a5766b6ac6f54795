// What an erasure does when it is committed: it needs a connection and not the one that committed, and no words of its say that all was taken back.
import type { Client } from "pg"
import { type ConnectionTarget, withClient } from "../connection.js"
import { TrailError } from "../errors.js"
import { toTrailError } from "../server-errors.js"

/** On the connection at hand, or on a new one where it was lost meanwhile. */
export async function living<T>(
  { target, client }: { readonly target: ConnectionTarget; readonly client: Client },
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const isAlive = await client.query("select").then(
    () => true,
    () => false,
  )
  return isAlive ? work(client) : withClient(target, work)
}

/** The connection went at the commit, and the server cannot be asked what became of it. */
export const unsettled = (act: string, cause: unknown): TrailError =>
  new TrailError(
    "connection-lost",
    `the connection to the database was lost while act ${act} was committed, and it could not be asked whether it was`,
    { hint: "when the database is back, run it again: it does what is left", cause },
  )

/** What is thrown although the erasure is done. */
export function committed(error: unknown, act: string | null): unknown {
  const known = toTrailError(error)
  if (act === null || !(known instanceof TrailError)) return known
  return new TrailError(known.code, `the erasure is committed as act ${act}, and then: ${known.message}`, {
    hint: `what is erased stays so; run it again with the same --request, and its receipt names act ${act}`,
    cause: error,
  })
}

export interface Steps {
  /** What went wrong, in words. */
  readonly failed: readonly string[]
  trying<T>(what: string, work: () => Promise<T>): Promise<T | undefined>
}

/** Steps after the commit: where one fails that is told, and the others have their turn. */
export function stepsAfter(): Steps {
  const failed: string[] = []
  return {
    failed,
    async trying(what, work) {
      try {
        return await work()
      } catch (error) {
        failed.push(`${what}: ${failureWords(error)}`)
        return undefined
      }
    },
  }
}

/** Of a step after the commit, for the receipt. */
function failureWords(error: unknown): string {
  if (error instanceof TrailError) {
    const hint =
      error.code === "connection-lost" ? "what is erased stays so; run it again for the rest" : error.hint
    return `${error.message}${hint === undefined ? "" : `; ${hint}`}`
  }
  if (error instanceof Error) return error.name === "AbortError" ? "stopped; run it again" : error.message
  return "unknown"
}
