// The folder of an embedded server: what lies where, who may enter, and how it is made on the first start.
import { execFile } from "node:child_process"
import { randomBytes } from "node:crypto"
import {
  appendFile,
  chmod,
  chown,
  mkdir,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
} from "node:fs/promises"
import { dirname, join, resolve } from "node:path"
import { promisify } from "node:util"
import { TrailError } from "../errors.js"
import type { Binaries } from "./binaries.js"
import { type Invoker, identity, type Owner, serverEnvironment } from "./owner.js"

const run = promisify(execFile)

/** Names inside the folder. The folder itself is the invoking user's; pgdata and socket are the server's. */
export const cluster = (dataDir: string) => join(dataDir, "pgdata")
export const ownSocketDir = (dataDir: string) => join(dataDir, "socket")
export const logFile = (dataDir: string) => join(dataDir, "server.log")

/** True when the folder holds an initialised cluster. */
export async function isInitialised(dataDir: string): Promise<boolean> {
  return (await clusterMajor(dataDir)) !== undefined
}

export async function clusterMajor(dataDir: string): Promise<number | undefined> {
  try {
    return Number.parseInt(await readFile(join(cluster(dataDir), "PG_VERSION"), "utf8"), 10)
  } catch (cause) {
    if (errorCode(cause) === "ENOENT" || errorCode(cause) === "ENOTDIR") return undefined
    throw unreadable(dataDir, cause)
  }
}

/** The user to whom an existing cluster belongs. */
export async function clusterOwner(dataDir: string): Promise<Owner | undefined> {
  return stat(cluster(dataDir)).then(
    ({ uid, gid }) => ({ uid, gid }),
    () => undefined,
  )
}

/** Makes the folder where it is missing, and refuses one that is something else. Returns its real path. */
export async function prepareFolder(dataDir: string, who: Invoker): Promise<string> {
  const path = resolve(dataDir)
  try {
    const first = await mkdir(path, { recursive: true })
    const entries = await readdir(path)
    // A strict umask would hide new folders from the server's user, who must pass through them.
    for (let made = path; first !== undefined && made.length >= first.length; made = dirname(made)) {
      await chmod(made, who.isRoot ? 0o711 : 0o700)
    }
    if (entries.length === 0 && who.isRoot) await chmod(path, 0o711)
    const ours = entries.some((name) => ["pgdata", "server.log"].includes(name) || name.startsWith("initdb-"))
    if (entries.length > 0 && !ours) {
      throw new TrailError("embedded", `${path} is not empty and holds no embedded server`, {
        hint: `pgtrail embedded start --data ${join(path, "pgtrail")}`,
      })
    }
    return await realpath(path)
  } catch (cause) {
    if (cause instanceof TrailError) throw cause
    if (errorCode(cause) === "ENOSPC") throw diskFull(path, cause)
    throw new TrailError("embedded", `cannot write to ${path}: ${reason(cause)}`, {
      hint: "pgtrail embedded start --data DIR",
      cause,
    })
  }
}

/** Refuses a folder below one that the server's user may not enter (only possible when root starts it). */
export async function mustBeReachable(dataDir: string, who: Invoker): Promise<void> {
  if (!who.isRoot) return
  for (let folder = dataDir; ; folder = dirname(folder)) {
    const found = await stat(folder).catch(() => undefined)
    if (found !== undefined && (found.mode & 0o001) === 0) {
      throw new TrailError(
        "embedded",
        `${folder} is closed to the unprivileged user that PostgreSQL runs as for root`,
        {
          hint: "pgtrail embedded start --data /var/lib/pgtrail/embedded",
        },
      )
    }
    if (folder === dirname(folder)) return
  }
}

export interface InitialiseOptions {
  readonly dataDir: string
  readonly binaries: Binaries
  readonly who: Invoker
  readonly owner: Owner
  readonly sync: boolean
}

/**
 * Makes the cluster beside its place and renames it: a killed initdb leaves no half cluster, and of two who start at
 * once one wins the rename and the other throws its own away. No lock is needed, and none can be left behind.
 */
export async function initialise(options: InitialiseOptions): Promise<void> {
  const { dataDir, binaries, who, owner } = options
  const draft = join(dataDir, `initdb-${randomBytes(6).toString("hex")}`)
  const child = { cwd: "/", env: serverEnvironment, ...identity(who, owner) }
  try {
    await ownedFolder(draft, who, owner)
    const flags = [
      "-D",
      draft,
      "-U",
      "postgres",
      "-E",
      "UTF8",
      "--no-locale",
      "--auth=trust",
      "--no-instructions",
    ]
    await run(binaries.initdb, options.sync ? flags : [...flags, "--no-sync"], child)
    await admitOnly(draft, who, binaries.major)
    await createDatabase(draft, options)
    await rename(draft, cluster(dataDir))
    await removeDrafts(dataDir)
  } catch (cause) {
    if (await isInitialised(dataDir)) return
    throw initialiseError(dataDir, cause)
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

/** Once there is a cluster, no draft can become it: those of killed starts and of slower ones go. */
async function removeDrafts(dataDir: string): Promise<void> {
  const drafts = (await readdir(dataDir)).filter((name) => name.startsWith("initdb-"))
  // A slower initdb may still be writing into its own; it fails, sees the cluster and cleans up after itself.
  await Promise.allSettled(drafts.map((name) => rm(join(dataDir, name), { recursive: true, force: true })))
}

/**
 * Who may connect. The server often runs as another user than the one who asked, so file modes alone cannot tell
 * them apart: the kernel says who is at the other end of the socket (`peer`), and a map lets in the one who made the
 * cluster, and root, as any role; nobody else, whoever can reach the socket. Members of pgtrail_password are asked for
 * a password, for trying that out. Before 16 the map knows no "all"; those majors are for tests only, in a closed folder.
 */
async function admitOnly(pgdata: string, who: Invoker, major: number): Promise<void> {
  const peer = major >= 16
  const rule = peer ? "local all all peer map=invoker" : "local all all trust"
  const { uid, gid } = await stat(join(pgdata, "pg_hba.conf"))
  await rm(join(pgdata, "pg_hba.conf"))
  await appendFile(join(pgdata, "pg_hba.conf"), `local all +pgtrail_password scram-sha-256\n${rule}\n`, {
    mode: 0o600,
  })
  if (who.isRoot) await chown(join(pgdata, "pg_hba.conf"), uid, gid)
  if (!peer) return
  const names = new Set([who.name, "root"])
  const lines = [...names].map((name) => `invoker "${name.replaceAll('"', '""')}" all\n`)
  await appendFile(join(pgdata, "pg_ident.conf"), lines.join(""))
}

/** In single-user mode, before the cluster has its name: a started server always has its database. */
async function createDatabase(pgdata: string, options: InitialiseOptions): Promise<void> {
  const { binaries, who, owner } = options
  const child = { cwd: "/", env: serverEnvironment, ...identity(who, owner) }
  const job = run(
    binaries.postgres,
    ["--single", "-j", "-F", "-D", pgdata, "-c", "log_min_messages=error", "postgres"],
    child,
  )
  job.child.stdin?.end("create database pgtrail\n\n")
  const { stderr } = await job
  if (/^.*(ERROR|FATAL|PANIC):/m.test(stderr))
    throw Object.assign(new Error("create database failed"), { stderr })
}

/** A folder of mode 0700 that belongs to the server's user. */
export async function ownedFolder(path: string, who: Invoker, owner: Owner): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 })
  await chmod(path, 0o700)
  if (who.isRoot) await chown(path, owner.uid, owner.gid)
}

function initialiseError(dataDir: string, cause: unknown): TrailError {
  const output = cause instanceof Error && "stderr" in cause ? String(cause.stderr) : reason(cause)
  if (/No space left on device|ENOSPC/.test(output)) return diskFull(dataDir, cause)
  const line = output.split("\n").find((text) => /error:|FATAL:|ERROR:|PANIC:/.test(text)) ?? output.trim()
  return new TrailError("embedded", `cannot make a database cluster in ${dataDir}: ${line}`, { cause })
}

export function diskFull(dataDir: string, cause: unknown): TrailError {
  return new TrailError("disk-full", `no space left on the disk of ${dataDir}`, {
    hint: "pgtrail embedded start --data DIR",
    cause,
  })
}

export function unreadable(dataDir: string, cause: unknown): TrailError {
  return new TrailError("embedded", `cannot read the embedded server in ${dataDir}: ${reason(cause)}`, {
    hint: "pgtrail embedded start --data DIR",
    cause,
  })
}

export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined
}

/** Node's own words without its "EACCES: " prefix and path, for the causes that people meet. */
function reason(error: unknown): string {
  const words: Record<string, string> = {
    EACCES: "permission denied",
    EPERM: "permission denied",
    EROFS: "read-only file system",
    EEXIST: "it is not a folder",
    ENOTDIR: "it is not below a folder",
  }
  return words[errorCode(error) ?? ""] ?? (error instanceof Error ? error.message : String(error))
}
