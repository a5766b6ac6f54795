// Turns what node-postgres throws into a TrailError: one table from SQLSTATE to words.
import { type ErrorCode, TrailError } from "./errors.js"
import { interruption } from "./interruption.js"

interface ServerError {
  readonly code?: string
  readonly routine?: string
  readonly message: string
  readonly hint?: string
  readonly syscall?: string
  readonly hostname?: string
  readonly address?: string
  readonly port?: number
}

interface Words {
  readonly code: ErrorCode
  readonly message?: (error: ServerError) => string
  readonly hint?: string | ((message: string) => string | undefined)
}

/** PostgreSQL's own codes. The full code first, then its class (two characters). */
const words: Readonly<Record<string, Words>> = {
  "28P01": {
    code: "authentication",
    hint: "check the user name and the password of the connection URL, or ~/.pgpass",
  },
  "28000": {
    code: "authentication",
    hint: "check the user name of the connection URL, and pg_hba.conf on the server",
  },
  "3D000": { code: "no-database", hint: "create it, or name another in the connection URL" },
  "3F000": {
    code: "not-installed",
    message: () => "pgtrail is not installed in this database",
    hint: "pgtrail install",
  },
  "42P01": { code: "not-installed", message: (e) => missing(e.message), hint: "pgtrail install" },
  "42883": { code: "not-installed", message: (e) => missing(e.message), hint: "pgtrail migrate up" },
  "42501": { code: "privilege", hint: privilegeHint },
  "25006": {
    code: "read-only",
    message: () => "the server takes no writes in this session: it is a standby, or set to read-only",
    hint: "nothing was changed; connect to the primary",
  },
  "55P03": {
    code: "lock-timeout",
    message: () => "another session holds the lock that this needs",
    hint: "nothing was changed; try again, or wait longer with --lock-timeout 60s",
  },
  "40001": { code: "retry", hint: "nothing was changed; run the transaction again" },
  "40P01": { code: "retry", hint: "nothing was changed; run the transaction again" },
  "53100": {
    code: "disk-full",
    message: () => "the server's disk is full",
    hint: "nothing was half written; free space and run it again",
  },
  "57014": {
    code: "cancelled",
    message: () => "the server cancelled the statement",
    hint: "nothing was changed; look at statement_timeout and pg_cancel_backend",
  },
  "57P01": { code: "connection-lost", hint: "the unfinished transaction was rolled back; run it again" },
  "57P03": { code: "unreachable", hint: "the server is starting or stopping; try again" },
  "53300": {
    code: "unreachable",
    hint: "the server has no free connection; try again, or raise max_connections",
  },
  "22P05": {
    code: "bad-event",
    message: () => "the text has the character NUL (\\u0000), which PostgreSQL cannot store",
    hint: "nothing was appended; remove the character",
  },
  "22P02": { code: "bad-event", hint: "nothing was appended; correct the value" },
  "22007": { code: "bad-event", hint: "nothing was appended; write times as 2026-11-21T09:30:00Z" },
  "22008": { code: "bad-event", hint: "nothing was appended; write times as 2026-11-21T09:30:00Z" },
  "22003": { code: "bad-event", hint: "nothing was appended; correct the value" },
  "22021": {
    code: "bad-event",
    message: () => "the text is not valid UTF-8 or has the character NUL",
    hint: "nothing was appended; remove the character",
  },
  "54000": { code: "bad-event", hint: "nothing was appended" },
  "54001": {
    code: "bad-event",
    message: () => "the JSON is nested too deeply for the server",
    hint: "nothing was appended",
  },
  TR001: { code: "bad-event" },
  TR002: { code: "privilege" },
  TR003: { code: "bad-event" },
  TR004: { code: "bad-event" },
  TR005: { code: "busy" },
  TR006: { code: "old-server" },
  TR007: { code: "bad-encoding" },
  TR008: { code: "privilege" },
  TR009: { code: "usage" },
  TR010: { code: "not-found" },
  TR011: { code: "usage" },
  TR012: { code: "config" },
  "08": { code: "connection-lost", hint: "the unfinished transaction was rolled back; run it again" },
  "53": {
    code: "disk-full",
    hint: "nothing was half written; free resources on the server and run it again",
  },
}

/** What a database administrator types; the server does not say which right it missed. */
const grants: readonly (readonly [message: RegExp, hint: string])[] = [
  [/to create role/, "pgtrail install --no-roles, or connect as a role with CREATEROLE"],
  [
    /(grant|set|admin option on|member of) role "?pgtrail_/,
    "ask a superuser to grant this role pgtrail_owner with admin option, or use pgtrail install --no-roles",
  ],
  [/for database/, "connect as the owner of the database, or grant this role CREATE on it"],
  [/must be owner of/, "connect as the role that installed the log, or as a member of pgtrail_owner"],
  [/function (append|import_\w+)$/, "grant pgtrail_writer to the role of this connection"],
  [
    /function (record_checkpoint|accept_finding|set_setting|open_incarnation|sign_act)$/,
    "grant pgtrail_operator to the role of this connection",
  ],
  [
    /function record_verification$|table (act|act_signature|verified_head|catalog_object|incarnation|loss)$/,
    "grant pgtrail_auditor to the role of this connection",
  ],
  [
    /table event(_\w+)?$/,
    "grant pgtrail_reader to the role of this connection for reading, pgtrail_writer for appending",
  ],
  [/table chain_head$/, "grant pgtrail_reader to the role of this connection"],
  [
    /schema pgtrail$/,
    "grant pgtrail_reader, pgtrail_writer or pgtrail_auditor to the role of this connection, as its work needs",
  ],
]

function privilegeHint(message: string): string | undefined {
  return grants.find(([pattern]) => pattern.test(message))?.[1]
}

const missing = (message: string): string =>
  /pgtrail\./.test(message) ? "pgtrail is not installed in this database" : message

/** The same codes from a file mean something else, and belong to whoever opened the file. */
const connecting: ReadonlySet<string> = new Set(["connect", "getaddrinfo"])

const networkCodes: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ENOENT: "there is no such socket",
  EACCES: "the socket may not be opened by this user",
  ENOTFOUND: "the host name is unknown",
  EAI_AGAIN: "the host name cannot be looked up",
  ETIMEDOUT: "no answer in time",
  EHOSTUNREACH: "the host cannot be reached",
  ENETUNREACH: "the network cannot be reached",
}

/** Maps any error; a TrailError passes through, what is no server or network error comes back unchanged (it is a bug). */
export function toTrailError(error: unknown): unknown {
  if (error instanceof TrailError || !(error instanceof Error)) return error
  const server: ServerError = error
  // Several addresses were tried (::1 and 127.0.0.1): the first says enough.
  if (error instanceof AggregateError && error.errors[0] instanceof Error)
    return toTrailError(error.errors[0])
  const code = server.code ?? ""
  const reason = connecting.has(server.syscall ?? "") ? networkCodes[code] : undefined
  if (reason !== undefined) {
    return new TrailError("unreachable", `the database cannot be reached: ${reason}: ${addressOf(server)}`, {
      hint: "check --url, PGTRAIL_URL or PGHOST and PGPORT, and that the server runs",
      cause: error,
    })
  }
  if (/timeout expired|timeout exceeded/i.test(error.message)) {
    return new TrailError("unreachable", "the database cannot be reached: no answer in time", {
      hint: "check --url, PGTRAIL_URL or PGHOST and PGPORT, and that the server runs",
      cause: error,
    })
  }
  if (
    code === "ECONNRESET" ||
    code === "ETIMEDOUT" ||
    code === "EPIPE" ||
    /^(Connection terminated|Client has encountered a connection error|Connection ended)/.test(error.message)
  ) {
    return new TrailError("connection-lost", "the connection to the database was lost", {
      hint: "the unfinished transaction was rolled back; run it again",
      cause: error,
    })
  }
  if (/SASL|password must be a string/.test(error.message)) {
    return new TrailError("authentication", "the server asks for a password and none was given", {
      hint: "put it into ~/.pgpass, or into PGPASSWORD",
      cause: error,
    })
  }
  if (/does not support SSL/.test(error.message)) {
    return new TrailError("unreachable", "the server does not support TLS, and the connection asks for it", {
      hint: "leave out sslmode, or switch TLS on at the server",
      cause: error,
    })
  }
  const interrupted = interruption(server)
  if (interrupted !== undefined) return interrupted
  if (!/^[0-9A-Z]{5}$/.test(code)) return error
  const entry = words[code] ?? words[code.slice(0, 2)] ?? { code: "server" as const }
  const own = code.startsWith("TR")
  return new TrailError(entry.code, entry.message?.(server) ?? lowerFirst(server.message), {
    hint: own ? server.hint && lowerFirst(server.hint) : (hintOf(entry, server.message) ?? server.hint),
    sqlstate: code,
    cause: error,
  })
}

function hintOf({ hint }: Words, message: string): string | undefined {
  return typeof hint === "function" ? hint(message) : hint
}

function addressOf({ hostname, address, port }: ServerError): string {
  const host = hostname ?? address ?? "an unknown address"
  return port === undefined ? host : `${host}:${port}`
}

function lowerFirst(text: string): string {
  const plain = text.replace(/\.$/, "")
  return /^[A-Z][a-z]/.test(plain) && !/^Postgre/.test(plain)
    ? plain[0]?.toLowerCase() + plain.slice(1)
    : plain
}
