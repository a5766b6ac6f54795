// Which errors a run survives that goes on: the server is away, or behind, and will be there again.
import { TrailError } from "../errors.js"
import { lossOf } from "../interruption.js"
import { toTrailError } from "../server-errors.js"
import type { FollowLink } from "./link.js"

/** What the server said when it ended the session says more than the statement that failed then. */
export function reasonOf(cause: unknown, link: FollowLink | undefined): unknown {
  const error = toTrailError(cause)
  if (!(error instanceof TrailError) || error.code !== "connection-lost" || link === undefined) return error
  const loss = lossOf(link.client)
  return loss === undefined ? error : toTrailError(loss)
}

/** The server went away, or ended the reading for the sake of its replay, or is behind: it will be there again. */
export function passes(error: unknown): error is TrailError {
  if (!(error instanceof TrailError)) return false
  if (["connection-lost", "unreachable", "retry"].includes(error.code)) return true
  return error.code === "cancelled" && error.sqlstate !== undefined && error.sqlstate !== "57014"
}
