// Finds the .sql files that ship with the package and reads them as they stand.
import { createHash } from "node:crypto"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

export interface Migration {
  readonly number: number
  readonly name: string
  readonly sql: string
  /** What takes it back. */
  readonly down: string
  /** sha256 of the file with LF line ends, as hex. */
  readonly checksum: string
}

/** What belongs to a log whose newest migration is `number`. The present one's is in sql/, an earlier one's in sql/versions/NNNN. */
export interface Version {
  readonly number: number
  /** Functions, aggregates, triggers and views, applied whole after the migrations. */
  readonly code: string
  readonly grants: string
  /** The query that describes the catalog: descriptions by another text cannot be compared. */
  readonly catalog: string
  readonly codeChecksum: string
  readonly catalogChecksum: string
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
  if (!existsSync(join(folder, name))) return ""
  const files = readdirSync(join(folder, name))
    .filter((file) => file.endsWith(".sql"))
    .sort()
  return files.map((file) => readSql(join(name, file))).join("\n")
}

export function sha256Hex(text: string | Uint8Array): string {
  return createHash("sha256").update(text).digest("hex")
}

/** What ships does not change while the program runs. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}

/** In their order. */
export const migrations: () => readonly Migration[] = once(() =>
  readdirSync(join(folder, "migrations"))
    .filter((file) => file.endsWith(".sql") && !file.endsWith(".down.sql"))
    .sort()
    .map((file) => {
      const stem = file.replace(/\.sql$/, "")
      const sql = readSql(join("migrations", file))
      const down = readSql(join("migrations", `${stem}.down.sql`))
      const [number = "", name = ""] = stem.split(/_(.*)/s)
      return { number: Number.parseInt(number, 10), name, sql, down, checksum: sha256Hex(sql) }
    }),
)

const earlierVersions: () => readonly (() => Version)[] = once(() =>
  readdirSync(join(folder, "versions"))
    .sort()
    .reverse()
    .map((name) => once(() => earlierVersion(name))),
)

/** Every version that this pgtrail can bring a log to, the present one first. */
export function versions(): readonly Version[] {
  return [presentVersion(), ...earlierVersions().map((read) => read())]
}

/** The newest that is so. Most logs are of the present version: the earlier ones are read where it is not. */
export function findVersion(isSo: (version: Version) => boolean): Version | undefined {
  const present = presentVersion()
  if (isSo(present)) return present
  for (const read of earlierVersions()) {
    const version = read()
    if (isSo(version)) return version
  }
  return undefined
}

/** Undefined for a number that this pgtrail does not ship. */
export function versionAt(number: number): Version | undefined {
  return findVersion((one) => one.number === number)
}

export const presentVersion: () => Version = once(() => {
  const number = migrations().at(-1)?.number ?? 0
  const code = [
    readFolder("functions"),
    readFolder("aggregates"),
    readSql("triggers.sql"),
    readFolder("views"),
  ].join("\n")
  return describe({ number, code, grants: readSql("grants.sql"), catalog: readSql("catalog.sql") })
})

function earlierVersion(name: string): Version {
  const read = (file: string) => readSql(join("versions", name, file))
  const code = read("code.sql")
  const grants = read("grants.sql")
  return describe({ number: Number.parseInt(name, 10), code, grants, catalog: read("catalog.sql") })
}

function describe(texts: Omit<Version, "codeChecksum" | "catalogChecksum">): Version {
  return {
    ...texts,
    codeChecksum: sha256Hex(`${texts.code}\n${texts.grants}`),
    catalogChecksum: sha256Hex(texts.catalog),
  }
}
