// What became of an act whose transaction was lost with its connection: asked anew, before anything follows from it.
import { type ConnectionTarget, withClient } from "../connection.js"
import { TrailError } from "../errors.js"
import { toTrailError } from "../server-errors.js"

/** Nobody knows whether an act was recorded, and the server cannot be asked. */
export class UnsettledError extends TrailError {
  constructor(name: string, location: string, cause: unknown) {
    const message = `the connection to the database was lost while ${name} was recorded, and it could not be asked whether it is`
    const hint = `its files stay where they are; when the database is back: pgtrail archive list --at ${location}`
    super("connection-lost", message, { hint, cause })
  }
}

/** The connection went while the transaction was open: it may have been committed. */
export function isUnsettled(error: unknown): boolean {
  const known = toTrailError(error)
  return known instanceof TrailError && known.code === "connection-lost"
}

/**
 * The act in a column of the archive's row, or null where there is none. The server may be at the commit still, with a session that nobody
 * reads from; who records an act holds the lock of the acts until it is over, so that whoever gets it after knows. Throws where the
 * server cannot be reached within the patience: then nobody knows.
 */
export function settledAct(
  target: ConnectionTarget,
  name: string,
  column: "act_seq" | "restored_seq" | "removed_seq",
  patienceMs: number,
): Promise<string | null> {
  return withClient(target, async (client) => {
    await client.query("select set_config('lock_timeout', $1, false)", [`${Math.max(patienceMs, 10_000)}ms`])
    await client.query("select pg_advisory_lock(1885828210, -1)")
    try {
      const { rows } = await client.query<{ act: string | null }>(
        `select a.${column} as act from pgtrail.archive a where a.name = $1`,
        [name],
      )
      return rows[0]?.act ?? null
    } finally {
      await client.query("select pg_advisory_unlock(1885828210, -1)")
    }
  })
}
