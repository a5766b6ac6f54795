// What a register of erasures does not have all of: a torn copy of it looks like one of a run that was killed, and is none.
import type { ClientBase } from "pg"
import type { ReadRegister } from "./register-read.js"

/**
 * A run that is killed as it writes leaves an erasure of which not all is there and that was not committed; a copy that was torn leaves the
 * same. Where the log has its act it was committed; where nothing was written after it, nobody knows. `own`: the ids that this log has had.
 */
export async function missingOf(
  client: ClientBase,
  { unwritten, isCut }: ReadRegister,
  own: ReadonlySet<string>,
  path: string,
): Promise<string[]> {
  const missing: string[] = []
  for (const { act, act_hash: hash, log_id: log, isLast } of unwritten) {
    if (!own.has(log)) continue
    const { rows } = await client.query(
      "select from pgtrail.act a where a.organization_id = 'pgtrail' and a.seq = $1 and a.hash = decode($2, 'hex')",
      [act, hash],
    )
    if (rows.length > 0) {
      missing.push(
        `the erasure of act ${act}, which this log has, is not all in the register ${path}: take a whole copy of it`,
      )
    } else if (isLast) {
      missing.push(
        `the register ${path} ends within the erasure of act ${act}, and this log does not know whether that was committed: take a whole copy of it, or, ` +
          "if the run was killed, run that erasure again with this register",
      )
    }
  }
  if (isCut && missing.length === 0) {
    missing.push(
      `the register ${path} ends within a line, and what came after is not in it: take a whole copy of it`,
    )
  }
  return missing
}
