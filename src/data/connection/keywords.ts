// The connection settings that libpq knows: the variable of each, and those that ask for what node-postgres cannot do.
import { TrailError } from "../errors.js"
import { near } from "../near.js"

interface Keyword {
  /** libpq's variable for it. */
  readonly variable?: string
  /** True for a value that asks for something that would silently not be done. What is missing here is harmless to leave undone. */
  readonly refused?: (value: string) => boolean
}

const asked = (): boolean => true
const other =
  (...harmless: readonly string[]) =>
  (value: string): boolean =>
    !harmless.includes(value)

const keywords = {
  service: { variable: "PGSERVICE" },
  servicefile: { variable: "PGSERVICEFILE" },
  host: { variable: "PGHOST" },
  hostaddr: { variable: "PGHOSTADDR" },
  port: { variable: "PGPORT" },
  dbname: { variable: "PGDATABASE" },
  user: { variable: "PGUSER" },
  password: { variable: "PGPASSWORD" },
  passfile: { variable: "PGPASSFILE" },
  application_name: { variable: "PGAPPNAME" },
  fallback_application_name: {},
  connect_timeout: { variable: "PGCONNECT_TIMEOUT" },
  // The session's own settings win over it.
  options: { variable: "PGOPTIONS" },
  client_encoding: { variable: "PGCLIENTENCODING" },
  target_session_attrs: { variable: "PGTARGETSESSIONATTRS" },
  load_balance_hosts: { variable: "PGLOADBALANCEHOSTS" },
  keepalives: {},
  keepalives_idle: {},
  keepalives_interval: {},
  keepalives_count: {},
  tcp_user_timeout: {},
  sslmode: { variable: "PGSSLMODE" },
  sslnegotiation: { variable: "PGSSLNEGOTIATION" },
  sslrootcert: { variable: "PGSSLROOTCERT" },
  sslcert: { variable: "PGSSLCERT" },
  sslkey: { variable: "PGSSLKEY" },
  sslpassword: {},
  sslcrl: { variable: "PGSSLCRL" },
  sslcrldir: { variable: "PGSSLCRLDIR" },
  sslcompression: { variable: "PGSSLCOMPRESSION" },
  sslsni: { variable: "PGSSLSNI" },
  sslcertmode: { variable: "PGSSLCERTMODE", refused: other("allow", "disable") },
  ssl_min_protocol_version: { variable: "PGSSLMINPROTOCOLVERSION" },
  ssl_max_protocol_version: { variable: "PGSSLMAXPROTOCOLVERSION" },
  sslkeylogfile: { refused: asked },
  min_protocol_version: { variable: "PGMINPROTOCOLVERSION", refused: other("3.0") },
  max_protocol_version: { variable: "PGMAXPROTOCOLVERSION" },
  gssencmode: { variable: "PGGSSENCMODE", refused: other("disable", "prefer") },
  krbsrvname: { variable: "PGKRBSRVNAME" },
  gsslib: { variable: "PGGSSLIB" },
  gssdelegation: { variable: "PGGSSDELEGATION", refused: other("0") },
  channel_binding: { variable: "PGCHANNELBINDING", refused: other("disable", "prefer") },
  require_auth: { variable: "PGREQUIREAUTH", refused: asked },
  requirepeer: { variable: "PGREQUIREPEER", refused: asked },
  replication: { refused: other("0", "no", "off", "false") },
  scram_client_key: { refused: asked },
  scram_server_key: { refused: asked },
  oauth_issuer: { refused: asked },
  oauth_client_id: { refused: asked },
  oauth_client_secret: { refused: asked },
  oauth_scope: { refused: asked },
} as const satisfies Record<string, Keyword>

export type KeywordName = keyof typeof keywords

/** A value, and where it was given: "--url", "PGHOST", or file and line of a service. */
export interface Given {
  readonly value: string
  readonly where: string
}

export type Settings = ReadonlyMap<KeywordName, Given>

export function isKeyword(name: string): name is KeywordName {
  return Object.hasOwn(keywords, name)
}

/** For the message about a name that libpq does not know either. */
export function unknownKeyword(name: string, where: string): TrailError {
  const [nearest] = near(name, [...Object.keys(keywords), ...Object.keys(meant)])
  const meaning = meant[name] ?? meant[nearest ?? ""] ?? nearest
  const words = meaning === undefined ? "" : `, did you mean ${meaning}?`
  return new TrailError("config", `unknown connection setting in ${where}: ${name}${words}`, {
    hint: "leave it out, or write what libpq knows: host, port, user, dbname, sslmode, sslrootcert, service",
  })
}

/** What other drivers call it. */
const meant: Readonly<Record<string, KeywordName>> = {
  database: "dbname",
  username: "user",
  ssl: "sslmode",
  sslca: "sslrootcert",
  sslaccept: "sslmode",
  search_path: "options",
  currentschema: "options",
  timeout: "connect_timeout",
  applicationname: "application_name",
  targetservertype: "target_session_attrs",
}

/** The variables of libpq that are set; an empty one counts as not set, as in libpq. */
export function fromVariables(env: Readonly<Record<string, string | undefined>>): Settings {
  const found = new Map<KeywordName, Given>()
  for (const [name, { variable }] of Object.entries(keywords as Record<string, Keyword>)) {
    const value = variable === undefined ? undefined : env[variable]
    if (variable !== undefined && value !== undefined && value !== "" && isKeyword(name)) {
      found.set(name, { value, where: variable })
    }
  }
  if (!found.has("sslmode") && env.PGREQUIRESSL?.startsWith("1")) {
    found.set("sslmode", { value: "require", where: "PGREQUIRESSL" })
  }
  return found
}

/** Throws for what would silently not be done: a guarantee that somebody asked for. */
export function refuseUnkept(settings: Settings): void {
  for (const [name, { value, where }] of settings) {
    const { refused }: Keyword = keywords[name]
    if (refused === undefined || value === "" || !refused(value)) continue
    const named = where === (keywords[name] as Keyword).variable ? where : `${name} in ${where}`
    throw new TrailError(
      "config",
      `pgtrail cannot do what ${named} asks for: ${name}=${shown(name, value)}`,
      {
        hint: named === where ? `unset ${where}` : `leave out ${name}`,
      },
    )
  }
}

/** Keys and secrets are not repeated. */
function shown(name: KeywordName, value: string): string {
  return /key|secret|password/.test(name) ? "..." : value
}
