// Several servers: the first that answers and is what was asked for, and all further connections go to that one.
import { createServer, type Server as Listener, type Socket } from "node:net"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { fixedTarget, withClient } from "../../src/data/connection.js"
import { type ConnectionTarget, open, type SessionAttributes } from "../../src/data/index.js"
import { type Cluster, canStart, type Server, startCluster } from "./cluster.js"
import { failureOf } from "./failure.js"

let cluster: Cluster
let primary: Server
let standby: Server
/** Takes connections and never says a word. */
let silent: Listener
const held = new Set<Socket>()

const socketOf = (server: Server) =>
  new URL(server.url.replace("@/", "@socket/")).searchParams.get("host") ?? ""
const at = (server: Server) => ({ host: socketOf(server), port: 5432 })
const gone = { host: "/nowhere", port: 5432 }

function target(
  servers: readonly { host: string; port: number }[],
  more: Partial<ConnectionTarget> = {},
): ConnectionTarget {
  return { servers, user: "postgres", database: "pgtrail", applicationName: "test", ...more }
}

async function reached(given: ConnectionTarget): Promise<string> {
  return withClient(given, async (client) => {
    const { rows } = await client.query<{ dir: string; standby: string }>(
      "select current_setting('unix_socket_directories') as dir, pg_is_in_recovery()::text as standby",
    )
    return rows[0]?.standby === "true" ? "standby" : "primary"
  })
}

describe.runIf(canStart)("of several servers", () => {
  beforeAll(async () => {
    cluster = await startCluster()
    primary = cluster.primary
    standby = await primary.standby()
    silent = createServer((socket) => {
      held.add(socket)
      socket.on("error", () => undefined).resume()
    })
    await new Promise<void>((done) => silent.listen(0, "127.0.0.1", done))
  })
  afterAll(async () => {
    for (const socket of held) socket.destroy()
    silent?.close()
    await cluster?.remove()
  })

  it("the first that answers is taken", async () => {
    expect(await reached(target([at(standby), at(primary)]))).toBe("standby")
    expect(await reached(target([gone, at(primary), at(standby)]))).toBe("primary")
    const address = silent.address()
    const mute = {
      host: "127.0.0.1",
      port: typeof address === "object" && address !== null ? address.port : 0,
    }
    expect(await reached(target([mute, at(primary)], { connectTimeoutMs: 1_000 }))).toBe("primary")
    const none = await failureOf(reached(target([mute, gone], { connectTimeoutMs: 1_000 })))
    expect(none).toMatchObject({
      code: "unreachable",
      message: `no server can be reached: no answer in time: 127.0.0.1:${mute.port}; there is no such socket: /nowhere/.s.PGSQL.5432`,
    })
    // One that answers and refuses is the last.
    expect(await failureOf(reached(target([at(standby), at(primary)], { database: "none" })))).toMatchObject({
      code: "no-database",
    })
  })

  it("target_session_attrs decides, on PostgreSQL's terms", async () => {
    const both = [at(standby), at(primary)]
    const found = async (sessionAttributes: SessionAttributes, servers = both) =>
      reached(target(servers, { sessionAttributes })).catch((error: Error) => error.message)
    const seen: Record<string, string> = {}
    for (const name of ["any", "read-write", "read-only", "primary", "standby", "prefer-standby"] as const) {
      seen[name] = `${await found(name)}, ${await found(name, [...both].reverse())}`
    }
    expect(seen).toEqual({
      any: "standby, primary",
      "read-write": "primary, primary",
      "read-only": "standby, standby",
      primary: "primary, primary",
      standby: "standby, standby",
      "prefer-standby": "standby, standby",
    })
    const name = `${socketOf(standby)}/.s.PGSQL.5432`
    expect(await found("read-write", [at(standby)])).toBe(
      `no server is what target_session_attrs=read-write asks for: ${name} is a standby`,
    )
    expect(await found("standby", [at(primary), gone])).toMatch(
      /\.s\.PGSQL\.5432 is no standby; there is no such socket: \/nowhere/,
    )
    expect(await found("prefer-standby", [gone, at(primary)])).toBe("primary")
    const fixed = { options: "-c default_transaction_read_only=on", sessionAttributes: "read-write" } as const
    expect(await failureOf(reached(target([at(primary)], fixed)))).toMatchObject({
      message: /is set to read-only$/,
    })
    expect(await reached(target([at(primary)], { ...fixed, sessionAttributes: "read-only" }))).toBe("primary")
  })

  it("the one that was chosen is kept, for threads too, until it is gone", async () => {
    const given = target([gone, at(primary), at(standby)], { onPlain: () => undefined })
    expect(await reached(given)).toBe("primary")
    expect(structuredClone(fixedTarget(given))).toMatchObject({ servers: [at(primary)] })
    const trail = await open(given)
    await trail.append({ event_type: "server.chosen" })
    expect((await trail.verify({ jobs: 2 })).verdict).toBe("intact")
    await trail.close()
    await primary.stop("fast")
    expect(await reached(given)).toBe("standby")
    expect(fixedTarget(given).servers).toEqual([at(standby)])
    await primary.start()
  })
})
