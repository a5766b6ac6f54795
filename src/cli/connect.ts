// Finds the database: --url, PGTRAIL_URL, DATABASE_URL, the configuration, then libpq's own variables. Never a silent default.
import { homedir } from "node:os"
import { fromVariables, type Given, type KeywordName, type Settings } from "../data/connection/keywords.js"
import { targetOf } from "../data/connection/settings.js"
import { isSocket, type Server } from "../data/connection/target.js"
import { readConnectionString } from "../data/connection/url.js"
import type { ConnectionTarget } from "../data/index.js"
import { readPasswordFile } from "./connection/passfile.js"
import { readService } from "./connection/service.js"
import { redact, secretsOf } from "./redact.js"

export type Connection = {
  /** Where it was named: "--url", "PGTRAIL_URL", "DATABASE_URL", the name of the configuration, or "PG* variables". */
  readonly source: string
  /** For people: without the password. */
  readonly shown: string
} & ({ readonly target: ConnectionTarget } | { readonly embedded: { readonly dataDir?: string } })

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  /** The `url` of the configuration, and the file's name. */
  readonly configured?: { readonly text: string; readonly source: string } | undefined
  /** Hears of what is dangerous and no error; each text once. */
  readonly warn?: ((text: string) => void) | undefined
  readonly exists?: (path: string) => boolean
  readonly userName?: () => string
}

export function resolveConnection(url: string | undefined, around: Surroundings): Connection {
  const { env, configured } = around
  const named: readonly (readonly [source: string, value: string | undefined])[] = [
    ["--url", url],
    ["PGTRAIL_URL", env.PGTRAIL_URL],
    ["DATABASE_URL", env.DATABASE_URL],
    [configured?.source ?? "", configured?.text],
  ]
  for (const [source, value] of named) {
    if (value === undefined || (value === "" && source !== "--url")) continue
    if (/^embedded:/i.test(value)) return embedded(source, value)
    const target = complete(readConnectionString(value, source), around)
    return { source, shown: redact(value, secretsOf(value)), target }
  }
  const target = complete(new Map(), around)
  return { source: "PG* variables", shown: shownAs(target), target }
}

function embedded(source: string, value: string): Connection {
  const dataDir = value.slice("embedded:".length)
  return { source, shown: value, embedded: dataDir === "" ? {} : { dataDir } }
}

/** What the connection string leaves out comes from its service, then from libpq's variables, then from the files of the user. */
function complete(explicit: Settings, around: Surroundings): ConnectionTarget {
  const { env } = around
  const home = env.HOME === undefined || env.HOME === "" ? homeOfUser() : env.HOME
  const variables = fromVariables(env)
  const first = (name: KeywordName): Given | undefined => explicit.get(name) ?? variables.get(name)
  const service = first("service")
  const settings = new Map<KeywordName, Given>(variables)
  if (service !== undefined) {
    const places = { named: first("servicefile")?.value, home, systemDir: env.PGSYSCONFDIR || undefined }
    for (const [name, given] of readService(service.value, service.where, places)) settings.set(name, given)
  }
  for (const [name, given] of explicit) settings.set(name, given)
  // As psql says it, unless a name is given: OpenSSL's own variable for the system's certificates.
  if (settings.get("sslrootcert")?.value === "system" && env.SSL_CERT_FILE) {
    const mode = settings.get("sslmode") ?? { value: "verify-full", where: "sslrootcert" }
    if (mode.value === "verify-full") {
      settings.set("sslmode", mode)
      settings.set("sslrootcert", { value: env.SSL_CERT_FILE, where: "SSL_CERT_FILE" })
    }
  }
  const target = targetOf(settings, {
    exists: around.exists,
    userName: around.userName,
    certificates: home === undefined ? undefined : `${home}/.postgresql`,
  })
  const warn = once(around.warn ?? (() => undefined))
  return {
    ...withPasswords(target, settings, home, warn),
    onPlain: (server, reason) => warn(plain(server, reason)),
  }
}

/** A password of its own for each server that the password file knows. */
function withPasswords(
  target: ConnectionTarget,
  settings: Settings,
  home: string | undefined,
  warn: (text: string) => void,
): ConnectionTarget {
  const named = settings.get("passfile")?.value ?? (home === undefined ? undefined : `${home}/.pgpass`)
  if (target.password !== undefined || named === undefined) return target
  const file = readPasswordFile(named, warn)
  if (file === undefined) return target
  const { user = "", database = "", servers = [] } = target
  const known = servers.map((server): Server => {
    const found = file.find({ server, user, database })
    return found === undefined ? server : { ...server, password: found.password, passwordFrom: found.from }
  })
  return { ...target, servers: known }
}

function plain(server: string, reason: string | undefined): string {
  const why = reason === undefined ? "" : ` (${reason})`
  return `connection to ${server} without TLS${why}: passwords and events can be read on the way; add sslmode=require`
}

function once(tell: (text: string) => void): (text: string) => void {
  const told = new Set<string>()
  return (text) => {
    if (told.has(text)) return
    told.add(text)
    tell(text)
  }
}

function shownAs({ servers = [], user = "", database = "" }: ConnectionTarget): string {
  const [first] = servers
  if (servers.length === 1 && first !== undefined && isSocket(first.host)) {
    return `postgresql://${user}@/${database}?host=${first.host}&port=${first.port}`
  }
  const list = servers.map(({ host, hostaddr, port }) => `${host === "" ? hostaddr : host}:${port}`)
  return `postgresql://${user}@${list.join(",")}/${database}`
}

function homeOfUser(): string | undefined {
  try {
    return homedir()
  } catch {
    return undefined
  }
}
