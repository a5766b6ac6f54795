// The one error type of the library, and the table that turns PostgreSQL's SQLSTATEs into it.

/** Closed list: callers branch on `code`, never on the words of a message. */
export type ErrorCode =
  | "usage"
  | "config"
  | "bad-event"
  | "not-found"
  | "exists"
  | "not-installed"
  | "newer-schema"
  | "pending-migration"
  | "old-server"
  | "bad-encoding"
  | "unreachable"
  | "authentication"
  | "no-database"
  | "privilege"
  | "read-only"
  | "lock-timeout"
  | "retry"
  | "busy"
  | "held"
  | "disk-full"
  | "connection-lost"
  | "cancelled"
  | "file"
  | "forged"
  | "broken"
  | "incomplete"
  | "other-log"
  | "embedded-missing"
  | "embedded"
  | "closed"
  | "server"

export interface TrailErrorOptions {
  readonly hint?: string | undefined
  readonly sqlstate?: string | undefined
  readonly cause?: unknown
}

/** What went wrong, to which object, and (in `hint`) the command to run next. The message never contains a secret or a value of an event. */
export class TrailError extends Error {
  readonly code: ErrorCode
  readonly hint: string | undefined
  readonly sqlstate: string | undefined

  constructor(code: ErrorCode, message: string, options: TrailErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = "TrailError"
    this.code = code
    this.hint = options.hint
    this.sqlstate = options.sqlstate
  }
}
