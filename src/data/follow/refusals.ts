// What ends a run that follows a log, in words.
import { TrailError } from "../errors.js"
import { quoted } from "../words.js"
import type { LaneHead } from "./heads.js"
import type { Position } from "./positions.js"

export function broken(message: string): TrailError {
  return new TrailError("broken", message, {
    hint: "what was printed before it fits together; pgtrail verify names every finding",
  })
}

/** Where a lane does not come up to what was read of it before. */
export function setBack({ organization, lane, seq }: Position, head: LaneHead | undefined): TrailError {
  const name = `lane ${organization}/${lane}`
  const how =
    head === undefined
      ? `${name} is gone, which had come to ${seq}`
      : head.seq < seq
        ? `${name} ends at ${head.seq}, and had come to ${seq}`
        : `${name} has another event ${seq} than the one that was read`
  return new TrailError(
    "broken",
    `${how}: the log was set back by a restore, a recovery or a failover, or rewritten`,
    {
      hint: "nothing was skipped; pgtrail verify tells which it was, and pgtrail incarnation list what was lost; then begin with a new cursor",
    },
  )
}

export const lagging = ({ organization, lane, seq }: Position): TrailError =>
  new TrailError(
    "retry",
    `the standby has not come to ${organization}/${lane}/${seq} yet, which was read before`,
    {
      hint: "nothing was skipped; run it again, or on the primary",
    },
  )

export const unread = (organization: string): TrailError =>
  new TrailError("privilege", `this role does not read organization ${quoted(organization)} any more`, {
    hint: "nothing was skipped; pgtrail grant reader ROLE --org ORG gives it back",
  })

export const damagedCursor = (name: string): TrailError =>
  new TrailError("file", `${name} is damaged: it was cut off, or is no cursor`, {
    hint: "nothing was printed; take it from a copy, or delete it to begin anew",
  })
