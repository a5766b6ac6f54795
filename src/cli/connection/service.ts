// Connection services: named sections of ~/.pg_service.conf and of the system's pg_service.conf, read as libpq reads them.
import { readFileSync } from "node:fs"
import {
  type Given,
  isKeyword,
  type KeywordName,
  type Settings,
  unknownKeyword,
} from "../../data/connection/keywords.js"
import { TrailError } from "../../data/errors.js"
import { near } from "../../data/near.js"

export interface ServicePlaces {
  /** PGSERVICEFILE, or what a connection string says instead: it must exist. */
  readonly named?: string | undefined
  /** The user's home, where the file may exist. */
  readonly home?: string | undefined
  /** PGSYSCONFDIR. */
  readonly systemDir?: string | undefined
}

/** libpq looks in the folder of its build: those of Debian, of Red Hat, and of PostgreSQL's own sources. */
const systemDirs = ["/etc/postgresql-common", "/etc/sysconfig/pgsql", "/usr/local/pgsql/etc"]

/** The section's settings. Throws when no file has it: a misspelt service must not become the default database. */
export function readService(name: string, where: string, places: ServicePlaces): Settings {
  const looked: string[] = []
  const known: string[] = []
  for (const { file, must } of candidates(places)) {
    const text = read(file, must)
    if (text === undefined) continue
    const found = section(text, name, file, known)
    if (found !== undefined) return found
    looked.push(file)
  }
  const [nearest] = near(name, known)
  const meant = nearest === undefined ? "" : `, did you mean ${nearest}?`
  const searched = looked.length === 0 ? "there is no service file" : `not in ${looked.join(" nor in ")}`
  throw new TrailError("config", `unknown service ${JSON.stringify(name)} (${where}): ${searched}${meant}`, {
    hint: `write a section [${name}] into ${looked[0] ?? "~/.pg_service.conf"}, or name another file with PGSERVICEFILE`,
  })
}

function candidates({ named, home, systemDir }: ServicePlaces): { file: string; must: boolean }[] {
  const own =
    named !== undefined
      ? [{ file: named, must: true }]
      : home !== undefined
        ? [{ file: `${home}/.pg_service.conf`, must: false }]
        : []
  const dirs = systemDir === undefined ? systemDirs : [systemDir]
  return [...own, ...dirs.map((dir) => ({ file: `${dir}/pg_service.conf`, must: false }))]
}

function read(file: string, must: boolean): string | undefined {
  try {
    return readFileSync(file, "utf8")
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : ""
    if (!must && (code === "ENOENT" || code === "ENOTDIR")) return undefined
    const words: Readonly<Record<string, string>> = {
      ENOENT: "no such file",
      EACCES: "permission denied",
      EISDIR: "it is a folder",
    }
    const reason = words[code] ?? code
    throw new TrailError("config", `cannot read the service file ${file}: ${reason}`, {
      hint: "name another with PGSERVICEFILE",
      cause,
    })
  }
}

/** Undefined when the file has no such section; of two with the same name the first counts. */
function section(text: string, name: string, file: string, known: string[]): Settings | undefined {
  const settings = new Map<KeywordName, Given>()
  let isInside = false
  for (const [at, raw] of text.split("\n").entries()) {
    const line = raw.trim()
    const where = `${file} line ${at + 1}`
    if (line === "" || line.startsWith("#")) continue
    const heading = /^\[(.*)\]/.exec(line)?.[1]
    if (heading !== undefined) {
      if (isInside) return settings
      known.push(heading)
      isInside = heading === name
      continue
    }
    // What other sections hold is the business of those who use them.
    if (!isInside) continue
    // The line may be a password: it is not repeated.
    const [, key = "", value = ""] = /^([^=]*)=(.*)$/s.exec(line) ?? malformed("is not KEY=VALUE", where)
    if (key !== key.trim() || value !== value.trimStart()) malformed("has blanks around =", where)
    if (key === "service" || key === "servicefile") malformed("names another service", where)
    if (!isKeyword(key)) throw unknownKeyword(key, where)
    if (!settings.has(key) && value !== "") settings.set(key, { value, where })
  }
  return isInside ? settings : undefined
}

function malformed(what: string, where: string): never {
  throw new TrailError("config", `${where} ${what}`, {
    hint: "write each setting of a service as host=db.example, on a line of its own",
  })
}
