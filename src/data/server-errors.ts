// Turns what node-postgres throws into a TrailError: of the network, of the connection, or of the server by the table in sqlstate.ts.
import { hintFor, plainReason } from "./connection/certificate-errors.js"
import { TrailError } from "./errors.js"
import { interruption } from "./interruption.js"
import { wordsFor } from "./sqlstate.js"

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
  if (/^ERR_SSL_/.test(code)) {
    return new TrailError("unreachable", `the server ended the TLS connection: ${plainReason(code)}`, {
      hint: hintFor(code),
      cause: error,
    })
  }
  const interrupted = interruption(server)
  if (interrupted !== undefined) return interrupted
  if (!/^[0-9A-Z]{5}$/.test(code)) return error
  const { code: meaning, message, hint } = wordsFor(code, server.message)
  return new TrailError(meaning, message ?? lowerFirst(server.message), {
    hint: hint ?? (server.hint && lowerFirst(server.hint)),
    sqlstate: code,
    cause: error,
  })
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
