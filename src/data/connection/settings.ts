// Turns settings, as libpq names them, into a target; what nobody gave gets libpq's default.
import { existsSync } from "node:fs"
import { userInfo } from "node:os"
import { TrailError } from "../errors.js"
import { type Given, type KeywordName, refuseUnkept, type Settings } from "./keywords.js"
import {
  type ConnectionTarget,
  isSocket,
  type Server,
  sessionAttributes,
  sslModes,
  type Tls,
} from "./target.js"

export interface Defaults {
  readonly exists?: ((path: string) => boolean) | undefined
  readonly userName?: (() => string) | undefined
  /** The user's folder of certificates, ~/.postgresql. */
  readonly certificates?: string | undefined
}

/** Those in which servers and libpq are built to look, by distribution. */
export const socketDirs: readonly string[] = ["/var/run/postgresql", "/tmp"]

export function targetOf(settings: Settings, defaults: Defaults = {}): ConnectionTarget {
  refuseUnkept(settings)
  const value = (name: KeywordName): string | undefined => settings.get(name)?.value
  const user = value("user") ?? userOf(defaults)
  const timeout = whole(settings, "connect_timeout")
  const idle = whole(settings, "keepalives_idle")
  const servers = serversOf(settings, defaults)
  const attributes = choice(settings, "target_session_attrs", sessionAttributes)
  const password = value("password")
  const options = value("options")
  const applicationName = value("application_name") ?? value("fallback_application_name")
  return {
    servers:
      choice(settings, "load_balance_hosts", ["disable", "random"]) === "random"
        ? shuffled(servers)
        : servers,
    user,
    database: value("dbname") ?? user,
    ...(applicationName === undefined ? {} : { applicationName }),
    ...(password === undefined ? {} : { password }),
    ...(options === undefined ? {} : { options }),
    ...(attributes === undefined || attributes === "any" ? {} : { sessionAttributes: attributes }),
    // libpq counts in seconds, where 0 waits for ever.
    ...(timeout === undefined ? {} : { connectTimeoutMs: timeout * 1000 }),
    ...(value("keepalives") === "0" ? { keepAlive: false } : {}),
    ...(idle === undefined ? {} : { keepAliveDelayMs: idle * 1000 }),
    ...(servers.every(({ host }) => isSocket(host)) ? {} : { ssl: tlsOf(settings, defaults) }),
  }
}

/** One for each host. Ports and addresses stand beside hosts, one each; a single port is that of all. */
function serversOf(settings: Settings, defaults: Defaults): Server[] {
  const listed = (name: KeywordName): readonly string[] | undefined =>
    settings
      .get(name)
      ?.value.split(",")
      .map((text) => text.trim())
  const addresses = listed("hostaddr")
  const hosts = listed("host") ?? addresses?.map(() => "") ?? [""]
  const ports = listed("port") ?? [""]
  if (addresses !== undefined && addresses.length !== hosts.length)
    throw mismatch("hostaddr", addresses, hosts)
  if (ports.length > 1 && ports.length !== hosts.length) throw mismatch("port", ports, hosts)
  return hosts.map((named, at) => {
    const port = portOf(ports.length === 1 ? ports[0] : ports[at], settings.get("port"))
    const hostaddr = addresses?.[at]
    const host = named !== "" || (hostaddr ?? "") !== "" ? named : defaultHost(port, defaults)
    return hostaddr === undefined || hostaddr === "" ? { host, port } : { host, hostaddr, port }
  })
}

function mismatch(what: string, list: readonly string[], hosts: readonly string[]): TrailError {
  return new TrailError("config", `${list.length} values of ${what} for ${hosts.length} hosts`, {
    hint: `name as many values of ${what} as hosts, separated by commas`,
  })
}

function portOf(text: string | undefined, given: Given | undefined): number {
  if (text === undefined || text === "") return 5432
  const port = Number(text)
  if (/^\d+$/.test(text) && port > 0 && port < 65_536) return port
  const variable = given?.where === "PGPORT"
  throw new TrailError(
    "config",
    `${variable ? "PGPORT" : `the port in ${given?.where}`} is not a port number: ${JSON.stringify(text)}`,
    {
      hint: variable ? "export PGPORT=5432" : "use the form postgresql://user@host:5432/database",
    },
  )
}

/** libpq takes the socket's folder of its build; here the first that has the server's socket, or exists. */
function defaultHost(port: number, { exists = existsSync }: Defaults): string {
  return (
    socketDirs.find((dir) => exists(`${dir}/.s.PGSQL.${port}`)) ??
    socketDirs.find((dir) => dir !== "/tmp" && exists(dir)) ??
    "localhost"
  )
}

/** From the password file: under cron there is no USER. */
function userOf({ userName = () => userInfo().username }: Defaults): string {
  try {
    return userName()
  } catch {
    throw new TrailError("config", "no database user is named and this account has no name", {
      hint: "export PGUSER=NAME",
    })
  }
}

function tlsOf(settings: Settings, { certificates }: Defaults): Tls {
  const value = (name: KeywordName): string | undefined => settings.get(name)?.value
  const rootCert = value("sslrootcert")
  const asked = choice(settings, "sslmode", sslModes)
  const mode = asked ?? (rootCert === "system" ? "verify-full" : "prefer")
  if (rootCert === "system" && mode !== "verify-full") {
    throw new TrailError(
      "config",
      `sslrootcert=system needs sslmode=verify-full, not ${mode}: anybody can have a certificate of a public CA`,
      {
        hint: "leave out sslmode, or name a file with sslrootcert=FILE",
      },
    )
  }
  const negotiation = choice(settings, "sslnegotiation", ["postgres", "direct"])
  if (negotiation === "direct" && ["disable", "allow", "prefer"].includes(mode)) {
    throw new TrailError("config", `sslnegotiation=direct needs sslmode=require at least, not ${mode}`, {
      hint: "add sslmode=require",
    })
  }
  return {
    mode,
    rootCert,
    cert: value("sslcert"),
    key: value("sslkey"),
    keyPassword: value("sslpassword"),
    crl: value("sslcrl"),
    crlDir: value("sslcrldir"),
    home: certificates,
    withoutCert: value("sslcertmode") === "disable",
    negotiation,
    // TLS 1.0 and 1.1 are not spoken, whatever somebody would put up with.
    minVersion: choice(settings, "ssl_min_protocol_version", versions) === "TLSv1.3" ? "TLSv1.3" : "TLSv1.2",
    maxVersion: choice(settings, "ssl_max_protocol_version", ["TLSv1.2", "TLSv1.3"]),
    sni: value("sslsni") !== "0",
  }
}

const versions = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"] as const

function choice<T extends string>(
  settings: Settings,
  name: KeywordName,
  choices: readonly T[],
): T | undefined {
  const given = settings.get(name)
  if (given === undefined) return undefined
  const found = choices.find((known) => known.toLowerCase() === given.value.toLowerCase())
  if (found !== undefined) return found
  // node-postgres' own name for what libpq calls require.
  const hint =
    given.value === "no-verify"
      ? "sslmode=require asks for TLS and verifies nothing"
      : `write ${name}=${choices.at(-1)}`
  const list = `${choices.slice(0, -1).join(", ")} or ${choices.at(-1)}`
  throw new TrailError(
    "config",
    `${name} takes ${list}, not ${JSON.stringify(given.value)} (${given.where})`,
    { hint },
  )
}

function whole(settings: Settings, name: KeywordName): number | undefined {
  const given = settings.get(name)
  if (given === undefined) return undefined
  if (/^\s*-?\d{1,9}\s*$/.test(given.value)) return Math.max(0, Number(given.value))
  throw new TrailError(
    "config",
    `${name} takes whole seconds, not ${JSON.stringify(given.value)} (${given.where})`,
    {
      hint: `write ${name}=10`,
    },
  )
}

function shuffled(servers: readonly Server[]): Server[] {
  const left = [...servers]
  return servers.flatMap(() => left.splice(Math.floor(Math.random() * left.length), 1))
}
