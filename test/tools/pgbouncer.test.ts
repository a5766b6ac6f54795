// A real PgBouncer before the server: applications write through it, and pgtrail tells its transaction mode from its session mode.
import { type ChildProcess, execFile, spawn } from "node:child_process"
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { userInfo } from "node:os"
import { join } from "node:path"
import { env, execPath } from "node:process"
import { URL } from "node:url"
import { promisify } from "node:util"
import pg from "pg"
import { afterAll, beforeAll, expect, it } from "vitest"
import { open } from "../../src/data/index.js"
import { until } from "../data/cluster.js"
import { type Role, type TestDatabase, testDatabase } from "../database.js"

const run = promisify(execFile)
let database: TestDatabase
let writer: Role
let folder: string
let bouncer: ChildProcess
let port: number

beforeAll(async () => {
  database = await testDatabase()
  writer = await database.role({ memberOf: ["pgtrail_writer"] })
  folder = await mkdtemp("/tmp/pgtrail-bouncer-")
  port = await freePort()
  const { host, port: serverPort, password, user } = new pg.Client({ connectionString: database.url })
  const server = `host=${host} port=${serverPort} dbname=${database.name}`
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`
  const users = [
    [user ?? "", password ?? ""],
    [writer.name, writer.password],
  ]
  await writeFile(join(folder, "users"), users.map((pair) => `${pair.map(quoted).join(" ")}\n`).join(""))
  await writeFile(
    join(folder, "pgbouncer.ini"),
    `[databases]
turns = ${server} pool_mode=transaction
narrow = ${server} pool_mode=transaction pool_size=2
whole = ${server} pool_mode=session
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${join(folder, "users")}
default_pool_size = 8
`,
  )
  await chmod(folder, 0o755)
  // It refuses to run as root.
  const identity = userInfo().uid === 0 ? { uid: 65534, gid: 65534 } : {}
  bouncer = spawn("pgbouncer", ["-q", join(folder, "pgbouncer.ini")], {
    cwd: "/",
    stdio: "ignore",
    ...identity,
  })
  await until("PgBouncer takes connections", () =>
    application("turns").then(
      (client) => client.end().then(() => true),
      () => false,
    ),
  )
})
afterAll(async () => {
  if (bouncer?.exitCode === null) {
    const ended = new Promise((done) => bouncer.once("exit", done))
    bouncer.kill("SIGTERM")
    await ended
  }
  await rm(folder, { recursive: true, force: true })
  await database?.drop()
})

function urlOf(name: string, login = new URL(database.url).username): string {
  return `postgresql://${login}@127.0.0.1:${port}/${name}`
}

async function application(name: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: urlOf(name, writer.name) })
  client.on("error", () => undefined)
  await client.connect()
  return client
}

async function pgtrail(...words: string[]): Promise<string> {
  const bin = new URL("../../bin/pgtrail.js", import.meta.url).pathname
  const job = run(execPath, [bin, ...words], { env: { PATH: env.PATH, HOME: folder } })
  job.child.stdin?.end()
  return job.then(
    ({ stdout }) => `0 ${stdout.trim()}`,
    (error: { code: number; stderr: string }) => `${error.code} ${error.stderr.trim()}`,
  )
}

const refusal = `2 pgtrail: error: this connection goes through a pooler in transaction mode (PgBouncer): settings, locks and snapshots of a session would be lost, or reach other programs
pgtrail: hint: connect to the server itself; only append and the inserts of applications work through such a pooler`

it("applications insert through transaction mode, from many connections at once, and the log is intact", async () => {
  const work = async (name: string) => {
    const client = await application("turns")
    const insert = "insert into pgtrail.event (organization_id, event_type) values ($1, $2)"
    for (let at = 0; at < 15; at += 1) {
      if (at % 3 > 0) await client.query(insert, [name, "bouncer.single"])
      else {
        await client.query("begin")
        await client.query(insert, [name, "bouncer.first"])
        await client.query(insert, ["shared", "bouncer.second"])
        await client.query(at === 6 ? "rollback" : "commit")
      }
    }
    await client.end()
  }
  await Promise.all(Array.from({ length: 12 }, (_, at) => work(`org${at % 4}`)))
  const trail = await open(urlOf("turns", writer.name))
  const places = await Promise.all(
    Array.from({ length: 6 }, () => trail.append([{ event_type: "bouncer.append" }])),
  )
  await trail.close()
  expect(places).toHaveLength(6)
  const report = await (await database.trail()).verify()
  expect([report.verdict, report.findings]).toEqual(["intact", []])
  // 12 x (10 singles + 4 pairs), and what was appended.
  expect(await database.query("select count(*) as count from pgtrail.event")).toEqual([
    { count: String(12 * 18 + 6) },
  ])
})

it("everything else is refused there with the reason, and leaves no setting to the applications", async () => {
  const client = await application("turns")
  const settings = [
    "search_path",
    "timezone",
    "row_security",
    "jit",
    "bytea_output",
    "statement_timeout",
    "extra_float_digits",
  ]
  const seen = async () =>
    (await client.query(`select ${settings.map((name) => `current_setting('${name}') as ${name}`)}`)).rows[0]
  const before = await seen()
  for (const words of [["install"], ["verify"], ["query"], ["status"], ["migrate", "status"]]) {
    expect(await pgtrail(...words, "--url", urlOf("turns")), words.join(" ")).toBe(refusal)
  }
  expect(await seen()).toEqual(before)
  await client.end()
  expect(await pgtrail("status", "--url", `${urlOf("turns")}?options=-c%20work_mem=5MB`)).toMatch(
    /^2 pgtrail: error: unsupported startup parameter.*\npgtrail: hint: leave out options and PGOPTIONS/,
  )
  expect(await pgtrail("status", "--url", urlOf("unheard"))).toMatch(
    /^3 pgtrail: error: no such database: unheard/,
  )
})

it("a busy, narrow pool is not taken for one in session mode", async () => {
  let isOver = false
  const others = Array.from({ length: 3 }, async () => {
    const client = await application("narrow")
    while (!isOver) await client.query("select pg_sleep(random() * 0.002)")
    await client.end()
  })
  const trail = await open(urlOf("narrow"))
  try {
    for (let at = 0; at < 20; at += 1) {
      await expect(trail.settings()).rejects.toMatchObject({ code: "config" })
    }
  } finally {
    isOver = true
    await Promise.all(others)
    await trail.close()
  }
})

it("in session mode everything works", async () => {
  expect(await pgtrail("verify", "--url", urlOf("whole"), "--jobs", "2")).toMatch(/^0 intact/)
  expect(await pgtrail("install", "--url", urlOf("whole"))).toMatch(/^0/)
  expect(await pgtrail("query", "--url", urlOf("whole"), "--limit", "1", "--format", "csv")).toMatch(
    /^0 .*bouncer/s,
  )
})

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })
}
