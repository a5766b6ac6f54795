// psql and pgtrail must understand the same by the same settings: both are asked whom they would greet, and with what.
import { execFile } from "node:child_process"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { createServer, type Server, type Socket } from "node:net"
import { join } from "node:path"
import { env } from "node:process"
import { promisify } from "node:util"
import { afterAll, beforeAll, expect, it } from "vitest"
import { resolveConnection } from "../../src/cli/connect.js"
import { connect } from "../../src/data/connection.js"

const run = promisify(execFile)
let home: string
const listeners: Listener[] = []

interface Listener {
  readonly server: Server
  readonly port: number
}

/** What the greetings said since the last look. */
let heard: string[] = []

beforeAll(async () => {
  home = await mkdtemp("/tmp/pgtrail-home-")
  for (let at = 0; at < 2; at += 1) listeners.push(await listen(at))
})
afterAll(async () => {
  for (const { server } of listeners) server.close()
  await rm(home, { recursive: true, force: true })
})

async function listen(at: number): Promise<Listener> {
  const server = createServer((socket) => greet(socket, at))
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done))
  const address = server.address()
  return { server, port: typeof address === "object" && address !== null ? address.port : 0 }
}

/** Has no TLS, asks for a password, notes both, and then lets nobody in. */
function greet(socket: Socket, at: number): void {
  let login = ""
  socket.on("error", () => undefined)
  socket.on("data", (chunk) => {
    const length = chunk.readInt32BE(chunk[0] === 0x70 ? 1 : 0)
    if (chunk[0] === 0x70) {
      heard.push(`${at}: ${login} ${chunk.subarray(5, length).toString()}`)
      const text = "SFATAL\0VFATAL\0C28P01\0Mrefused\0\0"
      const head = Buffer.from([0x45, 0, 0, 0, text.length + 4])
      socket.end(Buffer.concat([head, Buffer.from(text)]))
    } else if (length === 8) socket.write("N")
    else {
      const words = chunk.subarray(8, length).toString().split("\0")
      const pairs = words.flatMap((word, i) => (i % 2 === 0 ? [[word, words[i + 1]]] : []))
      const kept = pairs.filter(([key]) => ["user", "database", "options"].includes(key ?? ""))
      login = kept
        .sort()
        .map((pair) => pair.join("="))
        .join(" ")
      socket.write(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3]))
    }
  })
}

async function psql(url: string, variables: Record<string, string>): Promise<string[]> {
  heard = []
  const words = ["-X", "-w", "-c", "select 1", url]
  await run("psql", words, { env: { PATH: env.PATH, HOME: home, ...variables } }).catch(() => undefined)
  return heard
}

async function pgtrail(url: string, variables: Record<string, string>): Promise<string[]> {
  heard = []
  try {
    const connection = resolveConnection(url, { env: { HOME: home, ...variables } })
    if (!("target" in connection)) return ["embedded"]
    await connect(connection.target)
  } catch {
    // What was heard counts.
  }
  return heard
}

it("connection strings, services, password files and variables mean the same to both", async () => {
  const [a, b] = listeners.map(({ port }) => String(port))
  const services = join(home, ".pg_service.conf")
  await writeFile(
    services,
    `# a\n [one] \nhost=127.0.0.1\nport=${a}\nuser=serviced\npassword=s p\n[two]\nhost=localhost\nport=${b}\n`,
  )
  const lines = [
    "127.0.0.1:*:d:u:one",
    `localhost:${b}:*:*:t\\:w\\\\o`,
    "#*:*:*:*:no",
    "*:*:*:us\\:er:e",
    " *:*:*:*:x",
  ]
  await writeFile(join(home, ".pgpass"), lines.join("\n"), { mode: 0o600 })
  const base = { PGHOST: "127.0.0.1", PGPORT: a ?? "", PGUSER: "u", PGDATABASE: "d" }
  const cases: readonly (readonly [url: string, variables?: Record<string, string>])[] = [
    [`postgresql://u:p@127.0.0.1:${a}/d`],
    [`postgres://u%40x:p%2F%3a@127.0.0.1:${a}/na%20me?options=-c%20a%3Db`],
    [`postgresql://u:p+q@127.0.0.1:${a}/d+e?user=v+w`],
    [`postgresql:///d?host=127.0.0.1&port=${a}&user=u&password=p`],
    [`postgresql://127.0.0.1:1,127.0.0.1:${b}/d?user=u&password=p`],
    [`postgresql://u:p@nowhere.invalid,localhost:1,127.0.0.1:${a}/d`, { PGPORT: b ?? "" }],
    [`postgresql://u:p@/d`, base],
    [`postgresql://:p@127.0.0.1:${a}`, { PGUSER: "other" }],
    [`host=127.0.0.1 port=${a} user=u password='p q' dbname=d`],
    [`host = '127.0.0.1' port= ${a}\nuser=o\\'b password='a\\'b\\\\c' dbname='' options='-c x=y'`],
    [`hostaddr=127.0.0.1 port=${a} user=us:er dbname=d`],
    [`host=nowhere.invalid hostaddr=127.0.0.1 port=${a} user=u dbname=d password=p`],
    [`host=127.0.0.1,localhost port=1,${b} user=x dbname=y`],
    ["", base],
    ["dbname=e", base],
    ["user=us:er dbname=d", base],
    ["service=one"],
    ["service=one", { ...base, PGUSER: "loser", PGPASSWORD: "loser" }],
    ["postgresql://over@/ride?service=one"],
    ["dbname=d", { PGSERVICE: "two", PGUSER: "u", PGHOST: "127.0.0.1" }],
    ["service=unknown", base],
    ["service=one", { ...base, PGSERVICEFILE: "/nowhere" }],
    ["user=u password=p", { ...base, PGPASSWORD: "other" }],
    ["sslmode=require", base],
    ["sslmode=allow", base],
    ["nonsense=1", base],
    ["host=127.0.0.1 port=x", base],
    ["postgresql://u:p@127.0.0.1:x/d", base],
    ["password='open", base],
    [`host=127.0.0.1 port=${a},1 user=u`],
    ["sslnegotiation=direct", base],
    ["connect_timeout=x", base],
  ]
  for (const [url, variables = {}] of cases) {
    // An empty string is no connection string to psql, and one that nobody gave to pgtrail.
    const own = url === "" ? "postgresql://" : url
    // libpq sends a password that was refused a second time, in the other kind of connection.
    expect(await pgtrail(own, variables), own).toEqual([...new Set(await psql(own, variables))])
  }
})
