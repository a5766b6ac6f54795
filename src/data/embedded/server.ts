// One running embedded server: is it there, start it, wait for it, stop it.
import { execFile, spawn } from "node:child_process"
import { mkdtemp, open, readFile, rm } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as pause } from "node:timers/promises"
import { promisify } from "node:util"
import pg from "pg"
import { TrailError } from "../errors.js"
import type { Binaries } from "./binaries.js"
import { cluster, diskFull, errorCode, logFile, ownedFolder, ownSocketDir, unreadable } from "./folder.js"
import { type Invoker, identity, type Owner, serverEnvironment } from "./owner.js"

const run = promisify(execFile)

/** The TCP port that names the socket file. Nothing listens on TCP. */
export const port = 5432
/** sun_path holds 108 bytes on Linux and 104 on macOS, with the final NUL; the shorter serves both. */
const longestSocketPath = 103
const absent: Answer = { state: "none" }
const pollMs = 20
const retryMs = 250
const startDeadlineMs = 60_000

export interface Running {
  readonly pid: number
  readonly socketDir: string
}

/** What postmaster.pid says. A killed server leaves the file behind: only `answer` tells whether anybody is there. */
export async function lastKnown(dataDir: string): Promise<Running | undefined> {
  try {
    const lines = (await readFile(join(cluster(dataDir), "postmaster.pid"), "utf8")).split("\n")
    const socketDir = lines[4]
    return socketDir === undefined || socketDir === "" ? undefined : { pid: Number(lines[0]), socketDir }
  } catch (cause) {
    if (errorCode(cause) === "ENOENT" || errorCode(cause) === "ENOTDIR") return undefined
    throw unreadable(dataDir, cause)
  }
}

export type Answer = { state: "ready"; version: string } | { state: "busy" } | { state: "none" }

/** "ready" with the version, "busy" when a server answers but takes no connection yet (or no more), else "none". */
export async function answer(socketDir: string): Promise<Answer> {
  const client = new pg.Client({
    host: socketDir,
    port,
    user: "postgres",
    database: "postgres",
    ssl: false,
    application_name: "pgtrail embedded",
    connectionTimeoutMillis: 5_000,
  })
  client.on("error", () => {})
  try {
    await client.connect()
    const { rows } = await client.query<{ version: string }>(
      "select current_setting('server_version') as version",
    )
    return { state: "ready", version: rows[0]?.version ?? "" }
  } catch (error) {
    const code = errorCode(error)
    return { state: code === "ENOENT" || code === "ECONNREFUSED" || code === "ENOTSOCK" ? "none" : "busy" }
  } finally {
    await client.end().catch(() => {})
  }
}

export interface LaunchOptions {
  readonly dataDir: string
  readonly binaries: Binaries
  readonly who: Invoker
  readonly owner: Owner
  readonly settings: Readonly<Record<string, string>>
}

/**
 * Starts a server that outlives this process, and waits until it takes connections. When another starter is faster,
 * PostgreSQL's own lock file ends ours, and theirs is the answer: `started` is false.
 */
export async function launch(
  options: LaunchOptions,
): Promise<Running & { version: string; started: boolean }> {
  const { dataDir, who, owner } = options
  const socketDir = await socketFolder(dataDir, who, owner)
  const deadline = Date.now() + startDeadlineMs
  for (;;) {
    const attempt = await spawnServer(options, socketDir)
    const running = await waitUntilReady(dataDir, attempt, deadline)
    if (running !== undefined) {
      if (running.socketDir !== socketDir) await removeForeign(dataDir, socketDir)
      return { ...running, started: running.pid === attempt.pid }
    }
    const transient = attempt.exited && Date.now() < deadline && (await isInTheWay(dataDir, attempt.logStart))
    if (!transient) {
      if (attempt.exited) await removeForeign(dataDir, socketDir)
      throw await startError(dataDir, attempt.logStart)
    }
    await pause(retryMs)
  }
}

interface Attempt {
  readonly pid: number | undefined
  readonly logStart: number
  exited: boolean
}

async function spawnServer(options: LaunchOptions, socketDir: string): Promise<Attempt> {
  const { dataDir, binaries, who, owner } = options
  const own = { listen_addresses: "", port: String(port), unix_socket_directories: socketDir }
  const flags = Object.entries({ ...own, ...options.settings }).flatMap(([name, value]) => [
    "-c",
    `${name}=${value}`,
  ])
  const log = await open(logFile(dataDir), "a", 0o600)
  try {
    const logStart = (await log.stat()).size
    const child = spawn(binaries.postgres, ["-D", cluster(dataDir), ...flags], {
      cwd: "/",
      env: serverEnvironment,
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
      ...identity(who, owner),
    })
    const attempt: Attempt = { pid: child.pid, logStart, exited: false }
    const gone = () => {
      attempt.exited = true
    }
    child.once("exit", gone).once("error", gone)
    child.unref()
    return attempt
  } finally {
    await log.close()
  }
}

/** The server that answers, ours or another starter's; undefined when ours has ended and nobody answers. */
async function waitUntilReady(
  dataDir: string,
  attempt: Attempt,
  deadline: number,
): Promise<(Running & { version: string }) | undefined> {
  while (Date.now() < deadline) {
    // Read before looking: an answer that comes after the end of ours is another's.
    const { exited } = attempt
    const known = await lastKnown(dataDir)
    const found = known === undefined ? absent : await answer(known.socketDir)
    if (known !== undefined && found.state === "ready") return { ...known, version: found.version }
    if (exited && found.state === "none") return undefined
    await pause(pollMs)
  }
  return undefined
}

/** Another server is about to start or to end: its files are in the way of ours for a moment. */
async function isInTheWay(dataDir: string, logStart: number): Promise<boolean> {
  const text = await logSince(dataDir, logStart)
  return /lock file "postmaster.pid"|lock file ".*\.lock"|pre-existing shared memory block/.test(text)
}

async function startError(dataDir: string, logStart: number): Promise<TrailError> {
  const text = await logSince(dataDir, logStart)
  if (/No space left on device/.test(text)) return diskFull(dataDir, undefined)
  const line =
    /(?:FATAL|PANIC): +(.*)/.exec(text)?.[1] ?? `no answer within ${startDeadlineMs / 1000} seconds`
  return new TrailError("embedded", `the embedded server in ${dataDir} did not start: ${line}`, {
    hint: `cat ${logFile(dataDir)}`,
  })
}

async function logSince(dataDir: string, start: number): Promise<string> {
  const log = await readFile(logFile(dataDir)).catch(() => Buffer.alloc(0))
  return log.subarray(start).toString("utf8")
}

/** The socket's folder: in the data folder, or where that path is too long for a socket, a new one in /tmp. */
async function socketFolder(dataDir: string, who: Invoker, owner: Owner): Promise<string> {
  const own = ownSocketDir(dataDir)
  if (Buffer.byteLength(join(own, `.s.PGSQL.${port}`)) <= longestSocketPath) {
    await ownedFolder(own, who, owner)
    return own
  }
  // postmaster.pid records it; whoever looks for the server reads it there.
  const stale = await lastKnown(dataDir)
  // One that answers is another starter's, a moment ahead of us.
  const isGone = stale !== undefined && (await answer(stale.socketDir)).state === "none"
  if (isGone) await removeForeign(dataDir, stale.socketDir)
  const short = await mkdtemp("/tmp/pgtrail-")
  await ownedFolder(short, who, owner)
  return short
}

/** Removes a socket folder that `socketFolder` made in /tmp, and nothing else. */
async function removeForeign(dataDir: string, socketDir: string): Promise<void> {
  if (socketDir === ownSocketDir(dataDir) || !/^\/tmp\/pgtrail-[^/]+$/.test(socketDir)) return
  await rm(socketDir, { recursive: true, force: true })
}

/** Fast shutdown: sessions are cut off, what is committed stays. Waits for the end. */
export async function shutDown(
  dataDir: string,
  running: Running,
  options: Omit<LaunchOptions, "settings">,
): Promise<void> {
  const { binaries, who, owner } = options
  const flags = ["stop", "-D", cluster(dataDir), "-m", "fast", "-w", "-t", "60", "-s"]
  try {
    await run(binaries.pgCtl, flags, { cwd: "/", env: serverEnvironment, ...identity(who, owner) })
  } catch (cause) {
    // Somebody else stopped it in the meantime.
    if ((await answer(running.socketDir)).state !== "none") {
      const words = cause instanceof Error && "stderr" in cause ? String(cause.stderr).trim() : String(cause)
      throw new TrailError("embedded", `the embedded server in ${dataDir} did not stop: ${words}`, {
        hint: `cat ${logFile(dataDir)}`,
        cause,
      })
    }
  }
  await removeForeign(dataDir, running.socketDir)
}
