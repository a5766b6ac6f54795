// A server of a test's own that also listens on TCP, at a free port of 127.0.0.1, with TLS and the lines of pg_hba.conf that a test gives it.
import { spawn } from "node:child_process"
import { chmod, cp, mkdtemp, readFile, rm } from "node:fs/promises"
import { createServer } from "node:net"
import { networkInterfaces } from "node:os"
import { join } from "node:path"
import { env, kill, pid } from "node:process"
import pg from "pg"
import { findBinaries } from "../../src/data/embedded/binaries.js"
import { startEmbedded, stopEmbedded } from "../../src/data/embedded/index.js"
import { identity, invoker, serverEnvironment, serverOwner } from "../../src/data/embedded/owner.js"
import { serverFolder, serverSettings } from "../server-folder.js"
import { until } from "./cluster.js"
import { writeOwned } from "./cluster-copy.js"

const nativeDir = env.PGTRAIL_TEST_BINARIES
const fixtures = new URL("../tls/", import.meta.url)

export interface TcpServer {
  readonly port: number
  /** The folder of its Unix socket. */
  readonly socket: string
  /** As superuser, by the socket. */
  query(sql: string): Promise<Record<string, string>[]>
  /** Settings for connections that come after it. */
  set(settings: Readonly<Record<string, string>>): Promise<void>
  remove(): Promise<void>
}

/** An address of this machine that is not of its own loop; undefined where it has none. */
export const outside = Object.values(networkInterfaces())
  .flatMap((found) => found ?? [])
  .find(({ internal, family }) => !internal && family === "IPv4")?.address

/** `hba` comes after a line that lets the superuser in by the socket; the certificates of test/tls are in the server's folder. */
export async function startTcpServer(
  hba: readonly string[],
  ident: readonly string[] = [],
): Promise<TcpServer> {
  const dataDir = await mkdtemp(`${serverFolder}/pgtrail-test-${pid}-`)
  if (invoker().isRoot) await chmod(dataDir, 0o711)
  const options = { dataDir, nativeDir, fast: true }
  // Started once to be made; the embedded server itself has no TCP.
  await startEmbedded(options)
  await stopEmbedded(options)
  const pgdata = join(dataDir, "pgdata")
  const owner = serverOwner(invoker(), undefined)
  const own = (name: string, text: string) => writeOwned(pgdata, name, text)
  for (const name of ["server.crt", "server.key", "expired.crt", "self-signed.crt", "ca.crt"]) {
    await own(name, await readFile(new URL(name, fixtures), "utf8"))
  }
  await own("pg_hba.conf", ["local all postgres trust", ...hba].map((line) => `${line}\n`).join(""))
  await own("pg_ident.conf", ident.map((line) => `${line}\n`).join(""))
  const port = await freePort()
  const socket = join(dataDir, "socket")
  const { postgres } = await findBinaries(invoker(), owner, { nativeDir })
  const settings = {
    ...serverSettings,
    ...small,
    port: String(port),
    unix_socket_directories: socket,
    listen_addresses: ["127.0.0.1", outside ?? []].flat().join(","),
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])
  const child = spawn(postgres, ["-D", pgdata, ...flags], {
    cwd: "/",
    env: serverEnvironment,
    stdio: "ignore",
    ...identity(invoker(), owner),
  })
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()))
  const query = async (sql: string) => {
    const client = new pg.Client({ host: socket, port, user: "postgres", database: "pgtrail", types: asText })
    try {
      await client.connect()
      return (await client.query<Record<string, string>>(sql)).rows
    } finally {
      await client.end().catch(() => undefined)
    }
  }
  const remove = async () => {
    if (child.exitCode === null && child.pid !== undefined) kill(child.pid, "SIGQUIT")
    await ended
    await rm(dataDir, { recursive: true, force: true })
  }
  const isReady = () =>
    query("select 1").then(
      () => true,
      () => false,
    )
  await until("the server takes connections", isReady).catch(async (error: unknown) => {
    await remove()
    throw error
  })
  return {
    port,
    socket,
    query,
    async set(values) {
      for (const [name, value] of Object.entries(values)) await query(`alter system set ${name} = '${value}'`)
      const [before] = await query("select pg_conf_load_time()::text as at, pg_reload_conf()::text as done")
      await until("the server has read its settings", async () => {
        const [now] = await query("select pg_conf_load_time()::text as at")
        return now?.at !== before?.at
      })
    },
    remove,
  }
}

const asText = { getTypeParser: () => (value: string) => value }
const small = {
  shared_buffers: "16MB",
  max_connections: "30",
  autovacuum: "off",
  fsync: "off",
  log_min_messages: "panic",
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })
}

/** A copy of a file of test/tls, for its user alone. */
export async function privateCopy(name: string, folder: string, as = name): Promise<string> {
  const path = join(folder, as)
  await cp(new URL(name, fixtures), path)
  await chmod(path, 0o600)
  return path
}

export function fixture(name: string): string {
  return new URL(name, fixtures).pathname
}
