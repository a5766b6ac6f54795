// The answer of a verification that could not look.
import { TrailError } from "../data/errors.js"
import { exitCodeOf } from "./exit.js"
import type { Report } from "./report.js"

/** With --json it says so in its own form too; everybody else gets the error alone. */
export function unchecked(error: unknown, format: string): Report {
  if (format !== "json" || !(error instanceof TrailError) || exitCodeOf(error.code) !== 3) throw error
  const { code, message, hint = null } = error
  return {
    schema: "pgtrail.verify/1",
    columns: [],
    rows: [],
    document: { schema: "pgtrail.verify/1", verdict: "unchecked", error: { code, message, hint } },
    note: `${message}; nothing was verified${hint === null ? "" : `: ${hint}`}`,
    exit: 3,
  }
}
