// Reads a connection URL or a list of settings (host=... dbname=...) as libpq does.
import { TrailError } from "../errors.js"
import { type Given, isKeyword, type KeywordName, type Settings, unknownKeyword } from "./keywords.js"

const usage = "use the form postgresql://user@host:5432/database"
/** The form of SQLAlchemy and others, postgresql+asyncpg:, names a driver that is of no concern here. */
const parts =
  /^(?:postgres|postgresql)(?:\+[\w.-]+)?:\/\/(?:([^/?#]*)@)?([^/?#@]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/i
const one = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/

/** What is written; an empty value counts as left out. `where` names the source in messages. */
export function readConnectionString(text: string, where: string): Settings {
  if (/^(postgres|postgresql)(\+[\w.-]+)?:/i.test(text)) return readUrl(text, where)
  // As in libpq: whatever has an equals sign is a list of settings.
  if (/^\s*\w+\s*=/.test(text)) return readConninfo(text, where)
  throw unreadable("cannot read the URL", where)
}

function readUrl(text: string, where: string): Settings {
  const found = parts.exec(text)
  if (found === null) throw unreadable("cannot read the URL", where)
  const [, login = "", authority = "", path = "", query = ""] = found
  const settings = new Map<KeywordName, Given>()
  const give = (name: KeywordName, value: string): void => {
    const plain = decode(value, where)
    if (plain !== "") settings.set(name, { value: plain, where })
  }
  const [, user = "", password = ""] = /^([^:]*)(?::(.*))?$/s.exec(login) ?? []
  give("user", user)
  give("password", password)
  const servers = authority.split(",").map((server) => one.exec(server))
  if (servers.includes(null)) {
    throw unreadable("the port is not a number", where, "write / @ : of a password as %2F %40 %3A")
  }
  give("host", servers.map((server) => server?.[1]?.replace(/^\[(.*)\]$/, "$1") ?? "").join(","))
  const ports = servers.map((server) => server?.[2] ?? "")
  if (ports.some((port) => port !== "")) give("port", ports.join(","))
  give("dbname", path)
  for (const parameter of query.split("&")) {
    if (parameter === "") continue
    const [, name = "", value] = /^([^=]*)(?:=(.*))?$/s.exec(parameter) ?? []
    const key = decode(name, where)
    if (value === undefined) {
      refuseCut(settings, where)
      throw unreadable(`${key} has no value`, where)
    }
    put(settings, key, { value: decode(value, where), where })
  }
  return settings
}

function readConninfo(text: string, where: string): Settings {
  const settings = new Map<KeywordName, Given>()
  let rest = text.trimStart()
  while (rest !== "") {
    const [assignment, name = ""] = /^([^\s=]+)\s*=\s*/.exec(rest) ?? []
    if (assignment === undefined)
      throw unreadable(
        "a setting has no =",
        where,
        "write host=... dbname=..., and a value with blanks in '...'",
      )
    rest = rest.slice(assignment.length)
    const quoted = rest.startsWith("'")
    const [word] = (quoted ? /^'(?:[^'\\]|\\.)*'/s : /^(?:[^\s\\]|\\.)*/s).exec(rest) ?? []
    if (word === undefined)
      throw unreadable(
        `the quote of ${name} is not closed`,
        where,
        "write ' and \\ inside of quotes as \\' and \\\\",
      )
    rest = rest.slice(word.length)
    // Half an escape at the very end stands for nothing.
    rest = rest === "\\" ? "" : rest
    const value = (quoted ? word.slice(1, -1) : word).replace(/\\(.)/gs, "$1")
    put(settings, name, { value, where })
    rest = rest.trimStart()
  }
  return settings
}

/** What Prisma writes into a DATABASE_URL for itself; nothing in it says which server, or how safely. */
const ofPrisma = [
  "schema",
  "connection_limit",
  "pool_timeout",
  "pgbouncer",
  "statement_cache_size",
  "socket_timeout",
]

/** Also what node-postgres and JDBC write, where it can only mean one thing. */
function put(settings: Map<KeywordName, Given>, name: string, given: Given): void {
  if (name === "uselibpqcompat" || ofPrisma.includes(name)) return
  if (name === "ssl" && given.value === "true") {
    put(settings, "sslmode", { ...given, value: "require" })
    return
  }
  if (!isKeyword(name)) {
    refuseCut(settings, given.where)
    throw unknownKeyword(name, given.where)
  }
  settings.delete(name)
  if (given.value !== "") settings.set(name, given)
}

/** An & or a blank that nobody escaped has cut a password in two: its second half is not repeated. */
function refuseCut(settings: Settings, where: string): void {
  if (![...settings.keys()].at(-1)?.endsWith("password")) return
  const hint = "in a URL write & as %26; elsewhere put a password with blanks into '...'"
  throw unreadable("what follows the password is no setting", where, hint)
}

function decode(text: string, where: string): string {
  try {
    const plain = decodeURIComponent(text)
    if (!plain.includes("\0")) return plain
  } catch {
    // Said below.
  }
  throw unreadable("an escape (%) cannot be read", where)
}

function unreadable(what: string, where: string, hint = usage): TrailError {
  return new TrailError("config", `${what} in ${where}`, { hint })
}
