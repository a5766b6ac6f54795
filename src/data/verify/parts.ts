// The parts of a verification, each in a savepoint: one that cannot be read must not take away what the others find.
import type { Client } from "pg"
import { TrailError } from "../errors.js"
import { toTrailError } from "../server-errors.js"
import type { Findings } from "./finding.js"

export interface Parts {
  /** The part's result, or undefined where it could not be read. */
  run<T>(part: string, work: () => Promise<T>): Promise<T | undefined>
  readonly failures: readonly { readonly part: string; readonly error: TrailError }[]
}

/** Undefined table, column, function; wrong type: the schema of an installed log has been changed. */
const changedSchema = new Set(["42P01", "42703", "42883", "42804", "42846", "42P10", "42809"])

export function createParts(client: Client, findings: Findings): Parts {
  const failures: { part: string; error: TrailError }[] = []
  return {
    failures,
    async run(part, work) {
      await client.query("savepoint part")
      try {
        const result = await work()
        // Back, although nothing was written: its locks go. The definition of a view locks pgtrail.event, and partitions would wait.
        await client.query("rollback to savepoint part; release savepoint part")
        return result
      } catch (cause) {
        const error = toTrailError(cause)
        if (!(error instanceof TrailError)) throw cause
        // A connection that is gone has nothing more to say; what was found before it went still counts.
        const alive = await client.query("rollback to savepoint part; release savepoint part").then(
          () => true,
          () => false,
        )
        if (!alive && findings.total === 0) throw error
        if (changedSchema.has(error.sqlstate ?? "")) {
          if (part === "the events" && error.sqlstate === "42P01" && findings.total === 0) throw error
          const message = `${part} cannot be read as the log was installed: ${error.message}`
          findings.add({ kind: "catalog_changed", group: "object", message, evidence: message })
        }
        failures.push({ part, error })
        return undefined
      }
    },
  }
}
