// Where a run that archives, restores or removes can be held, so that it is killed there, and what lies between it and the server.
import { type AddressInfo, connect, createServer, type Socket } from "node:net"
import type { Client } from "pg"
import type { ArchiveLog } from "./archive-log-fixture.js"
import { until } from "./cluster.js"

/** A statement of another session's that holds a run at a step, or a commit. */
export const holds = {
  "reads the partition": "lock table only pgtrail.event_2020_01 in access exclusive mode",
  "waits for the chain of acts": "select pg_advisory_xact_lock(1885828210, -1)",
  "is at its commit": "select pg_advisory_xact_lock(42, 7)",
} as const

export type Held = keyof typeof holds

/** A commit of a change to pgtrail.archive waits for whoever has the lock (42, 7). */
export async function holdCommits(log: ArchiveLog): Promise<void> {
  await log.db.query(
    `create function public.stop() returns trigger language plpgsql as
       'begin perform pg_advisory_xact_lock_shared(42, 7); return null; end'`,
  )
  await log.db.query(
    `create constraint trigger stop after insert or update on pgtrail.archive deferrable initially deferred
       for each row execute function public.stop()`,
  )
}

/** Verify compares the catalog. */
export const letCommit = (log: ArchiveLog) =>
  log.db.query("drop trigger stop on pgtrail.archive; drop function public.stop()")

/** Holds what `start` begins at its step; tells the holder and the process that waits for it. */
export async function hold(
  log: ArchiveLog,
  at: Held,
  start: () => void,
): Promise<{ holder: Client; waiting: string }> {
  const holder = await log.db.client()
  await holder.query(`begin; ${holds[at]}`)
  const { rows } = await holder.query<{ pid: string }>("select pg_backend_pid() as pid")
  start()
  let waiting = ""
  await until(`it ${at}`, async () => {
    const found = await log.db.query(
      "select pid from pg_stat_activity where datname = current_database() and $1::int = any (pg_blocking_pids(pid))",
      [rows[0]?.pid],
    )
    waiting = found[0]?.pid ?? ""
    return waiting !== ""
  })
  return { holder, waiting }
}

export interface Proxy {
  readonly url: string
  /** Cuts the program's end; the server hears nothing of it. */
  cut(): void
  close(): Promise<void>
}

export async function proxyTo(url: string): Promise<Proxy> {
  const [, user = "", host = "", rest = ""] = /^postgres(?:ql)?:\/\/([^@/]*@)?([^/]*)(\/.*)$/.exec(url) ?? []
  const [path = "", query] = rest.split("?")
  const given = new URLSearchParams(query)
  const [name = "", port = given.get("port") ?? "5432"] = host.split(":")
  const folder = given.get("host") ?? name
  const near = new Set<Socket>()
  const far = new Set<Socket>()
  const server = createServer((socket) => {
    const upstream = folder.startsWith("/")
      ? connect(`${folder}/.s.PGSQL.${port}`)
      : connect(Number(port), folder || "localhost")
    near.add(socket)
    far.add(upstream)
    socket.on("data", (bytes) => upstream.write(bytes))
    upstream.on("data", (bytes) => socket.write(bytes))
    socket.on("end", () => upstream.end())
    upstream.on("close", () => socket.destroy())
    for (const one of [socket, upstream]) one.on("error", () => undefined)
  })
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening))
  const { port: here } = server.address() as AddressInfo
  return {
    url: `postgresql://${user}127.0.0.1:${here}${path}`,
    cut() {
      for (const socket of near) socket.destroy()
      near.clear()
    },
    async close() {
      for (const socket of [...near, ...far]) socket.destroy()
      await new Promise((closed) => server.close(closed))
    },
  }
}
