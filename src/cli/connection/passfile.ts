// The password file: ~/.pgpass or PGPASSFILE, lines of host:port:database:user:password, read as libpq reads it.
import { readFileSync, statSync } from "node:fs"
import { socketDirs } from "../../data/connection/settings.js"
import type { Server } from "../../data/connection/target.js"

export interface Login {
  readonly server: Server
  readonly user: string
  readonly database: string
}

export interface PasswordFile {
  /** The password of the first line that fits, with the line's place. */
  find(login: Login): { readonly password: string; readonly from: string } | undefined
}

/** Undefined when there is no such file; one that others can read is ignored, and `warn` hears of it. */
export function readPasswordFile(file: string, warn: (text: string) => void): PasswordFile | undefined {
  let text: string
  try {
    const found = statSync(file)
    if (!found.isFile()) {
      warn(`the password file ${file} is ignored: it is not a plain file`)
      return undefined
    }
    if ((found.mode & 0o077) !== 0) {
      warn(`the password file ${file} is ignored: others can read it; chmod 600 ${file}`)
      return undefined
    }
    text = readFileSync(file, "utf8")
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : ""
    if (code !== "ENOENT" && code !== "ENOTDIR") {
      warn(`the password file ${file} is ignored: ${code === "EACCES" ? "permission denied" : code}`)
    }
    return undefined
  }
  const lines = text.split("\n").map((line) => line.replace(/\r$/, ""))
  return {
    find({ server, user, database }) {
      for (const [at, line] of lines.entries()) {
        if (line === "" || line.startsWith("#")) continue
        const [host = "", port = "", base = "", role = "", ...rest] = fields(line)
        const fits =
          hostFits(host, server) &&
          matches(port, String(server.port)) &&
          matches(base, database) &&
          matches(role, user)
        const password = rest[0]
        if (fits && password !== undefined && password !== "") {
          return { password: unescaped(password), from: `${file} line ${at + 1}` }
        }
      }
      return undefined
    },
  }
}

/** Five, where the last one holds whatever colons are left. */
function fields(line: string): string[] {
  const found: string[] = []
  let rest = line
  for (let at = 0; at < 4; at += 1) {
    const [whole, field] = /^((?:[^:\\]|\\.?)*):/s.exec(rest) ?? []
    if (whole === undefined || field === undefined) return []
    found.push(field)
    rest = rest.slice(whole.length)
  }
  return [...found, rest]
}

/** "localhost" stands for the usual socket too. */
function hostFits(pattern: string, { host, hostaddr }: Server): boolean {
  const name = host === "" ? (hostaddr ?? "localhost") : host
  return matches(pattern, name) || (socketDirs.includes(name) && matches(pattern, "localhost"))
}

function matches(pattern: string, value: string): boolean {
  return pattern === "*" || unescaped(pattern) === value
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/gs, "$1")
}
