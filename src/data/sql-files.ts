// Finds the .sql files that ship with the package and reads them as they stand.
import { createHash } from "node:crypto"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

export interface Migration {
  readonly number: number
  readonly name: string
  readonly sql: string
  /** sha256 of the file with LF line ends, as hex. */
  readonly checksum: string
}

/** The folder `sql/` of the package: beside `src/` in a checkout, beside `dist/` when installed. */
function sqlFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, "sql", "migrations"))) {
    const parent = dirname(folder)
    if (parent === folder) throw new Error("the sql folder of the package is missing")
    folder = parent
  }
  return join(folder, "sql")
}

const folder = sqlFolder()

export function readSql(name: string): string {
  return readFileSync(join(folder, name), "utf8").replaceAll("\r\n", "\n")
}

function readFolder(name: string): string {
  const files = readdirSync(join(folder, name))
    .filter((file) => file.endsWith(".sql"))
    .sort()
  return files.map((file) => readSql(join(name, file))).join("\n")
}

export function sha256Hex(text: string | Uint8Array): string {
  return createHash("sha256").update(text).digest("hex")
}

export function migrations(): Migration[] {
  return readdirSync(join(folder, "migrations"))
    .filter((file) => file.endsWith(".sql") && !file.endsWith(".down.sql"))
    .sort()
    .map((file) => {
      const sql = readSql(join("migrations", file))
      const [number = "", name = ""] = file.replace(/\.sql$/, "").split(/_(.*)/s)
      return { number: Number.parseInt(number, 10), name, sql, checksum: sha256Hex(sql) }
    })
}

/** Functions and triggers: the present code, applied whole after the migrations. */
export function code(): { readonly sql: string; readonly checksum: string } {
  const sql = [readFolder("functions"), readFolder("aggregates"), readSql("triggers.sql")].join("\n")
  return { sql, checksum: sha256Hex(`${sql}\n${readSql("grants.sql")}`) }
}
