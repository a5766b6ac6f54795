// The exit codes: one table for the help, and which of them each error of the library means.
import type { ErrorCode } from "../data/errors.js"

export type ExitCode = 0 | 1 | 2 | 3 | 4 | 5 | 70 | 130 | 143

/** Code and meaning, in the words of `pgtrail --help`. "Found something" never shares a code with "could not look". */
export const exitCodes: readonly (readonly [code: string, meaning: string])[] = [
  ["0", "done"],
  ["1", "found something: tampering, drift, a difference, a pending migration"],
  ["2", "usage or configuration is wrong, or a confirmation is missing"],
  ["3", "could not: database unreachable or refusing, lock, disk full, unreadable file"],
  ["4", "incomplete: part of what was asked is not done or not checked"],
  ["5", "another run of the same job is at work"],
  ["70", "a bug in pgtrail"],
  ["130, 143", "stopped by SIGINT or SIGTERM"],
]

const codes: Record<ErrorCode, ExitCode> = {
  usage: 2,
  config: 2,
  "bad-event": 2,
  "not-found": 3,
  exists: 3,
  "not-installed": 3,
  "newer-schema": 3,
  "pending-migration": 3,
  "old-server": 3,
  "bad-encoding": 3,
  unreachable: 3,
  authentication: 3,
  "no-database": 3,
  privilege: 3,
  "read-only": 3,
  "lock-timeout": 3,
  retry: 3,
  busy: 5,
  // A legal hold is in the way.
  held: 3,
  "disk-full": 3,
  "connection-lost": 3,
  // The user's own Ctrl-C is 130; this is a cancel that came from the server.
  cancelled: 3,
  file: 3,
  // What was signed is not what lies there: something was found.
  forged: 1,
  // The chain does not go on as it was read.
  broken: 1,
  incomplete: 4,
  "other-log": 3,
  "embedded-missing": 3,
  embedded: 3,
  // Only pgtrail's own code can use a log that it has closed.
  closed: 70,
  server: 3,
}

export function exitCodeOf(code: ErrorCode): ExitCode {
  return codes[code]
}
