// Where a log is, as connect() wants to know it: servers, login, TLS. Plain data, so that it can be sent to a worker thread.

export interface Server {
  /** A name, an address, the folder of a socket, or `@name` for an abstract one. */
  readonly host: string
  /** The address, where it need not be looked up; `host` is then only the name in the certificate. */
  readonly hostaddr?: string | undefined
  readonly port: number
  /** Where the target has none: a password file knows one for each server. */
  readonly password?: string | undefined
  /** Where it came from, for the message about a wrong one. */
  readonly passwordFrom?: string | undefined
}

export const sslModes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const
export type SslMode = (typeof sslModes)[number]

/** TLS as libpq means it. Paths are read when a TLS connection is made. */
export interface Tls {
  /** Default `prefer`. */
  readonly mode?: SslMode | undefined
  /** A file of certificates, or `system`. */
  readonly rootCert?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
  readonly keyPassword?: string | undefined
  readonly crl?: string | undefined
  readonly crlDir?: string | undefined
  /** A folder with root.crt, root.crl, postgresql.crt and postgresql.key, taken where they exist and nothing else is named. */
  readonly home?: string | undefined
  /** No client certificate, whatever lies in `home`. */
  readonly withoutCert?: boolean | undefined
  readonly negotiation?: "postgres" | "direct" | undefined
  /** Default TLSv1.2. */
  readonly minVersion?: "TLSv1.2" | "TLSv1.3" | undefined
  readonly maxVersion?: "TLSv1.2" | "TLSv1.3" | undefined
  /** Default true: the host's name is sent in clear, so that a proxy can tell servers apart. */
  readonly sni?: boolean | undefined
}

export const sessionAttributes = [
  "any",
  "read-write",
  "read-only",
  "primary",
  "standby",
  "prefer-standby",
] as const
export type SessionAttributes = (typeof sessionAttributes)[number]

/** Where the log is. The data layer reads no environment: whoever calls resolves it. */
export interface ConnectionTarget {
  /** A URL, or a list of settings (`host=... dbname=...`), as libpq reads it. The fields below fill what it leaves out. */
  readonly connectionString?: string
  /** A name, an address, the folder of a socket, or `@name` for an abstract one. Default: the server's usual socket, or localhost. */
  readonly host?: string
  /** Default 5432. */
  readonly port?: number
  /** Default: the name of the operating system's user. */
  readonly user?: string
  /** Default: the name of the database user. */
  readonly database?: string
  readonly password?: string
  /** Several servers, tried in this order, instead of `host` and `port`. */
  readonly servers?: readonly Server[]
  /** What the server must be. Default `any`. */
  readonly sessionAttributes?: SessionAttributes
  /** TLS. Default `prefer`; none on a socket. */
  readonly ssl?: Tls
  /** Shown in pg_stat_activity. Default `pgtrail`. */
  readonly applicationName?: string
  /** Command line options for the server's session, as in PGOPTIONS. */
  readonly options?: string
  /** Milliseconds for each server; 0 waits for ever. Default 10,000. */
  readonly connectTimeoutMs?: number
  /** After so many milliseconds without a word the server is asked whether it is at work for a connection, which is cut where it is not. Default: never. */
  readonly silenceMs?: number | undefined
  /** Default true. */
  readonly keepAlive?: boolean
  readonly keepAliveDelayMs?: number
  /** Called for a connection over the network that has no TLS, with the server and, where there is one, the reason. */
  readonly onPlain?: (server: string, reason: string | undefined) => void
  /** A pooler in session mode is known to be in between. */
  readonly pooler?: "session"
}

export function isSocket(host: string): boolean {
  return host.startsWith("/") || host.startsWith("@")
}

/** The path of a server's Unix socket; an abstract one begins with NUL. */
export function socketPath({ host, port }: Server): string {
  return `${host.replace(/^@/, "\0")}/.s.PGSQL.${port}`
}

/** For people. */
export function nameOf({ host, hostaddr, port }: Server): string {
  if (isSocket(host)) return `${host}/.s.PGSQL.${port}`
  const name = host === "" ? (hostaddr ?? "") : host
  return name.includes(":") ? `[${name}]:${port}` : `${name}:${port}`
}
