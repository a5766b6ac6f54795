// Finds the database: --url, PGTRAIL_URL, DATABASE_URL, then libpq's own variables. Never a silent default.
import { existsSync } from "node:fs"
import { userInfo } from "node:os"
import { TrailError } from "../data/errors.js"
import type { ConnectionTarget } from "../data/index.js"
import { redact, secretsOf } from "./redact.js"

export type Connection = {
  /** Where it was named: "--url", "PGTRAIL_URL", "DATABASE_URL" or "PG* variables". */
  readonly source: string
  /** For people: without the password. */
  readonly shown: string
} & ({ readonly target: ConnectionTarget } | { readonly embedded: { readonly dataDir?: string } })

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly exists?: (path: string) => boolean
  readonly userName?: () => string
}

const usage = "use the form postgresql://user@host:5432/database"
/** The form of SQLAlchemy and others, postgresql+asyncpg:, names a driver that is of no concern here. */
const urlParts =
  /^(?:postgres|postgresql)(?:\+[\w.-]+)?:\/\/(?:([^/?#]*)@)?([^/?#@]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/i
const socketDirs = ["/var/run/postgresql", "/tmp"]

export function resolveConnection(url: string | undefined, around: Surroundings): Connection {
  const { env } = around
  const named: readonly (readonly [source: string, value: string | undefined])[] = [
    ["--url", url],
    ["PGTRAIL_URL", env.PGTRAIL_URL],
    ["DATABASE_URL", env.DATABASE_URL],
  ]
  for (const [source, value] of named) {
    if (value === undefined || (value === "" && source !== "--url")) continue
    if (/^embedded:/i.test(value)) return embedded(source, value)
    return fromUrl(source, value, around)
  }
  return fromVariables(around)
}

function embedded(source: string, value: string): Connection {
  const dataDir = value.slice("embedded:".length)
  return { source, shown: value, embedded: dataDir === "" ? {} : { dataDir } }
}

function fromUrl(source: string, value: string, around: Surroundings): Connection {
  const wrong = (what: string, hint = usage): never => {
    throw new TrailError("config", `${what} in ${source}`, { hint })
  }
  const parts = urlParts.exec(value)
  if (parts === null) {
    return wrong(/^\s*\w+\s*=/.test(value) ? "a list of settings is not a URL" : "cannot read the URL")
  }
  const [, login = "", authority = "", path = "", query = ""] = parts
  const parameters = new URLSearchParams(query)
  if (parameters.has("service")) refuseService(`service in ${source}`)
  const [user, password] = [decode(login.replace(/:.*$/s, "")), decode(/:(.*)$/s.exec(login)?.[1] ?? "")]
  const host = parameters.get("host") ?? decode(authority.replace(/:\d*$/, ""))
  if (host === undefined || user === undefined || password === undefined) {
    return wrong("an escape (%) cannot be read")
  }
  if (host.includes(",")) refuseSeveral(source)
  if (/:/.test(authority.replace(/^\[[^\]]*\]/, "").replace(/:\d*$/, ""))) {
    return wrong("the port is not a number", "write / @ : of a password as %2F %40 %3A")
  }
  // What a URL leaves out, libpq takes from the PG* variables: written into the query, where node-postgres reads it.
  if (host === "") {
    if (set(around.env.PGSERVICE)) refuseService("PGSERVICE")
    parameters.set("host", defaultHost(around, parameters.get("port") ?? ""))
  }
  const name = parameters.get("user") ?? user
  if (name === "") parameters.set("user", defaultUser(around))
  const port = parameters.get("port") ?? /:(\d+)$/.exec(authority)?.[1] ?? ""
  if (port === "" && set(around.env.PGPORT)) parameters.set("port", String(portOf(around.env)))
  if (password === "" && !set(parameters.get("password") ?? "") && set(around.env.PGPASSWORD)) {
    parameters.set("password", around.env.PGPASSWORD ?? "")
  }
  const database =
    path === "" ? encodeURIComponent(around.env.PGDATABASE || name || defaultUser(around)) : path
  const timeout = parameters.get("connect_timeout") ?? undefined
  const search = parameters.toString() === "" ? "" : `?${parameters}`
  return {
    source,
    shown: redact(value, secretsOf(value)),
    target: {
      connectionString: `postgresql://${login === "" ? "" : `${login}@`}${authority}/${database}${search}`,
      ...settings(around, timeout),
    },
  }
}

function fromVariables(around: Surroundings): Connection {
  const { env } = around
  if (set(env.PGSERVICE)) refuseService("PGSERVICE")
  const port = portOf(env)
  const host = set(env.PGHOST) ? (env.PGHOST ?? "") : defaultHost(around, String(port))
  if (host.includes(",")) refuseSeveral("PGHOST")
  const user = set(env.PGUSER) ? (env.PGUSER ?? "") : defaultUser(around)
  const database = set(env.PGDATABASE) ? (env.PGDATABASE ?? "") : user
  const password = set(env.PGPASSWORD) ? { password: env.PGPASSWORD ?? "" } : {}
  return {
    source: "PG* variables",
    shown: host.startsWith("/")
      ? `postgresql://${user}@/${database}?host=${host}&port=${port}`
      : `postgresql://${user}@${host}:${port}/${database}`,
    target: { host, port, user, database, ...password, ...settings(around, env.PGCONNECT_TIMEOUT) },
  }
}

function settings({ env }: Surroundings, timeout: string | undefined): ConnectionTarget {
  // libpq counts in seconds, where 0 waits for ever; node-postgres too.
  const seconds = timeout !== undefined && /^\d+$/.test(timeout) ? Number(timeout) : undefined
  return {
    applicationName: set(env.PGAPPNAME) ? (env.PGAPPNAME ?? "pgtrail") : "pgtrail",
    ...(seconds === undefined ? {} : { connectTimeoutMs: seconds * 1000 }),
  }
}

/** libpq takes the socket's folder of its build; here the first that has the server's socket, or exists. */
function defaultHost({ env, exists = existsSync }: Surroundings, port: string): string {
  if (set(env.PGHOST)) return env.PGHOST ?? ""
  const socket = `.s.PGSQL.${port === "" ? portOf(env) : port}`
  return (
    socketDirs.find((dir) => exists(`${dir}/${socket}`)) ??
    socketDirs.find((dir) => dir !== "/tmp" && exists(dir)) ??
    "localhost"
  )
}

/** From the password file: under cron there is no USER. */
function defaultUser({ env, userName = () => userInfo().username }: Surroundings): string {
  if (set(env.PGUSER)) return env.PGUSER ?? ""
  try {
    return userName()
  } catch {
    throw new TrailError("config", "no database user is named and this account has no name", {
      hint: "export PGUSER=NAME",
    })
  }
}

function portOf(env: Surroundings["env"]): number {
  const text = set(env.PGPORT) ? (env.PGPORT ?? "") : "5432"
  const port = Number(text)
  if (/^\d+$/.test(text) && port > 0 && port < 65_536) return port
  throw new TrailError("config", `PGPORT is not a port number: ${JSON.stringify(text)}`, {
    hint: "export PGPORT=5432",
  })
}

function refuseService(where: string): never {
  throw new TrailError("config", `connection services are not supported yet (${where})`, {
    hint: "pgtrail --url postgresql://user@host:5432/database",
  })
}

function refuseSeveral(where: string): never {
  throw new TrailError("config", `several hosts are not supported yet (${where})`, { hint: usage })
}

/** libpq, too, takes an empty variable for one that is not set. */
function set(value: string | undefined): boolean {
  return value !== undefined && value !== ""
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
