// The embedded server: start, stop, status, several at once, and what a killed one leaves behind.
import { execFile, spawn } from "node:child_process"
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { kill } from "node:process"
import { promisify } from "node:util"
import pg from "pg"
import { describe, expect, test } from "vitest"
import { embeddedStatus, stopEmbedded } from "../../src/data/embedded/index.js"
import { until } from "../data/cluster.js"
import { ask, freshPlace } from "./fixture.js"

const place = freshPlace()

describe("start, stop, status", () => {
  test("a first start throws away the half-made cluster of a killed one and makes the database pgtrail, and a stop keeps what was written", async () => {
    await mkdir(join(place.dataDir, "initdb-deadbeef"), { recursive: true })
    const first = await place.start()
    expect(first).toMatchObject({
      started: true,
      dataDir: place.dataDir,
      socketDir: join(place.dataDir, "socket"),
      version: "18.4",
    })
    expect(first.url).toBe(
      `postgresql://postgres@/pgtrail?host=${encodeURIComponent(first.socketDir)}&port=5432`,
    )
    expect(await readdir(place.dataDir)).not.toContain("initdb-deadbeef")
    expect(await ask(first.url, "select current_database()")).toBe("pgtrail")
    await ask(first.url, "create table kept as select 7 as n")
    expect(await stopEmbedded({ dataDir: place.dataDir })).toEqual({ stopped: true, dataDir: place.dataDir })
    const second = await place.start()
    expect(second.started).toBe(true)
    expect(await ask(second.url, "select n from kept")).toBe(7)
  })

  test("status says absent, running and stopped, a second start finds the running server, and a second stop has nothing to do", async () => {
    expect(await embeddedStatus({ dataDir: place.dataDir })).toEqual({
      state: "absent",
      dataDir: place.dataDir,
    })
    await place.make()
    const first = await place.start()
    const { started, ...server } = first
    expect(started).toBe(true)
    expect(await place.start()).toEqual({ ...first, started: false })
    expect(await embeddedStatus({ dataDir: place.dataDir })).toEqual({ state: "running", server })
    await stopEmbedded({ dataDir: place.dataDir })
    expect(await embeddedStatus({ dataDir: place.dataDir })).toEqual({
      state: "stopped",
      dataDir: place.dataDir,
      version: "18",
    })
    expect(await stopEmbedded({ dataDir: place.dataDir })).toEqual({ stopped: false, dataDir: place.dataDir })
  })

  test("settings reach the server, which has no TCP port and speaks UTF8 and UTC, and stop ends open sessions", async () => {
    await place.make()
    const { url } = await place.start({ settings: { max_connections: "17" } })
    const client = new pg.Client({ connectionString: url })
    const ended = new Promise((resolve) => client.on("error", resolve))
    await client.connect()
    const { rows } = await client.query(
      "select name, setting from pg_settings where name in ('max_connections', 'listen_addresses', 'server_encoding', 'TimeZone')",
    )
    expect(Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))).toEqual({
      max_connections: "17",
      listen_addresses: "",
      server_encoding: "UTF8",
      TimeZone: "UTC",
    })
    await stopEmbedded({ dataDir: place.dataDir })
    expect(await ended).toMatchObject({ code: "57P01" })
    await client.end()
  })
})

describe("several at once", () => {
  test("four first starts make one server", async () => {
    const servers = await Promise.all([place.start(), place.start(), place.start(), place.start()])
    expect(servers.filter((server) => server.started)).toHaveLength(1)
    expect(new Set(servers.map((server) => server.pid)).size).toBe(1)
    expect((await readdir(place.dataDir)).toSorted()).toEqual(["pgdata", "server.log", "socket"])
  })

  test("four starts of a stopped one with a long path agree on the socket", async () => {
    place.dataDir = join(place.folder, "x".repeat(120))
    await place.make()
    await place.start()
    await stopEmbedded({ dataDir: place.dataDir })
    const before = await shortFolders()
    const servers = await Promise.all([place.start(), place.start(), place.start(), place.start()])
    expect(new Set(servers.map((server) => server.url)).size).toBe(1)
    // Others make folders of such names too, and take them away: what stays is one.
    await until("one folder stays", async () => {
      const made = (await shortFolders()).filter((name) => !before.includes(name))
      return made.length === 1
    })
  })
})

describe("what is left behind", () => {
  test("a killed server leaves postmaster.pid; status says stopped, and a start recovers", async () => {
    await place.make()
    const { pid, url } = await place.start({ fast: false })
    await ask(url, "create table kept as select 7 as n")
    await crash(pid)
    expect(await readFile(join(place.dataDir, "pgdata", "postmaster.pid"), "utf8")).toContain(String(pid))
    expect(await embeddedStatus({ dataDir: place.dataDir })).toMatchObject({ state: "stopped" })
    const again = await place.start()
    expect(again.pid).not.toBe(pid)
    expect(await ask(again.url, "select n from kept")).toBe(7)
  })

  test("a stale pid that is another process's by now is not signalled", async () => {
    await place.make()
    const { pid } = await place.start()
    await crash(pid)
    const bystander = spawn("sleep", ["60"])
    try {
      const file = join(place.dataDir, "pgdata", "postmaster.pid")
      const text = await readFile(file, "utf8")
      await writeFile(file, text.replace(/^\d+/, String(bystander.pid)))
      expect(await stopEmbedded({ dataDir: place.dataDir })).toMatchObject({ stopped: false })
      expect(bystander.exitCode ?? bystander.signalCode).toBeNull()
    } finally {
      bystander.kill()
    }
  })
})

async function shortFolders(): Promise<string[]> {
  return (await readdir("/tmp")).filter((name) => /^pgtrail-[A-Za-z0-9]{6}$/.test(name))
}

/** As the out-of-memory killer would; its children follow at their own pace, and keep its shared memory so long. */
async function crash(pid: number): Promise<void> {
  const all = [String(pid), ...(await childrenOf(pid))]
  kill(pid, "SIGKILL")
  await until("the server is gone", async () => (await Promise.all(all.map(isGone))).every(Boolean))
}

async function childrenOf(pid: number): Promise<string[]> {
  const { stdout } = await promisify(execFile)("ps", ["-o", "pid=", "--ppid", String(pid)])
  return stdout.trim().split(/\s+/)
}

/** One that nobody has reaped yet is gone as well. */
const isGone = (pid: string): Promise<boolean> =>
  readFile(`/proc/${pid}/stat`, "utf8").then(
    (text) => /\) [ZX] /.test(text),
    () => true,
  )
