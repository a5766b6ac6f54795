// What is said about a log without changing it, and what every kind of failure is called.
import { createServer, type Server } from "node:net"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { open, TrailError } from "../../src/data/index.js"
import { toTrailError } from "../../src/data/server-errors.js"
import { facts } from "../../src/data/status/facts.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { urlOfDatabase, urlOfRole } from "../url.js"

let db: TestDatabase
let empty: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
  empty = await testDatabase({ empty: true })
})
afterAll(async () => {
  await db.drop()
  await empty.drop()
})

test("an empty database is not installed, and everything is pending", async () => {
  const trail = await empty.trail()
  expect(await trail.schemaState()).toMatchObject({
    installed: false,
    migrations: [
      { number: "0001", name: "log", state: "pending" },
      { number: "0002", name: "proof", state: "pending" },
      { number: "0003", name: "access", state: "pending" },
      { number: "0004", name: "read", state: "pending" },
      { number: "0005", name: "lifecycle", state: "pending" },
      { number: "0006", name: "archive", state: "pending" },
      { number: "0007", name: "people", state: "pending" },
      { number: "0008", name: "holds", state: "pending" },
    ],
  })
  const status = await trail.status()
  expect(status).toMatchObject({
    database: empty.name,
    migrations: { state: "not installed", version: null },
    log: null,
  })
  expect(facts(status).map(({ name }) => name)).toEqual([
    "server",
    "database",
    "schema",
    "connections",
    "transaction-age",
    "oldest-transaction",
  ])
})

test("status counts exactly what heads tell, and warns of events in DEFAULT", async () => {
  const trail = await db.trail()
  expect((await trail.status()).checks.filter(({ name }) => name === "rows-in-default")).toMatchObject([
    { state: "ok" },
  ])
  await db.query(
    `insert into pgtrail.event (organization_id, event_type, occurred_at)
     select 'org' || i % 2, 'a', case when i <= 3 then timestamptz '1999-01-01Z' else now() end from generate_series(1, 11) i`,
  )
  const status = await trail.status()
  expect(status).toMatchObject({
    migrations: { state: "current", version: "0008_holds", roles: true },
    log: {
      incarnation: "1",
      organizations: [
        { organization_id: "org1", lanes: "1", events: "6" },
        { organization_id: "org0", lanes: "1", events: "5" },
      ],
      rows_in_default: "3",
      acts: [{ seq: "1", kind: "migrate" }],
      verified: null,
    },
  })
  expect(status.log?.partitions?.at(-1)).toMatchObject({
    name: "event_default",
    is_default: true,
    since: null,
    until: null,
  })
  expect(status.log?.partitions?.[0]?.since).toMatch(/^\d{4}-\d\d-01T00:00:00\.000000Z$/)
  expect(status.checks.find(({ name }) => name === "rows-in-default")).toMatchObject({
    state: "warning",
    value: "3",
    message: expect.stringMatching(/^3 in the DEFAULT partition: .*warning from 1/),
  })
  await trail.verify()
  expect((await trail.status()).log?.verified).toMatchObject({ seq: "2" })
})

test.each(["pgtrail_writer", "pgtrail_reader", "pgtrail_auditor", "pgtrail_operator", "pgtrail_privacy"])(
  "%s sees of the status what it may read",
  async (group) => {
    const role = await db.role({ memberOf: [group] })
    const status = await (await db.trail({ url: role.url })).status()
    expect(status.migrations.state).toBe("current")
    expect(status.log?.acts === null).toBe(
      !["pgtrail_auditor", "pgtrail_operator", "pgtrail_privacy"].includes(group),
    )
    expect(facts(status).length).toBeGreaterThan(5)
  },
)

async function failure(work: Promise<unknown>): Promise<TrailError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error instanceof TrailError) return error
  throw new Error("no TrailError", { cause: error })
}

async function listen(server: Server): Promise<number | undefined> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  return typeof address === "object" ? address?.port : undefined
}

const close = (server: Server) => new Promise((resolve) => server.close(resolve))

const first = async (url: string): Promise<void> => {
  for await (const _ of await (await open(url)).query({ limit: 1 })) break
}

describe("a failure has a code, words and a next step:", () => {
  test("a server that is not there", async () => {
    // A port that was free a moment ago.
    const server = createServer()
    const port = await listen(server)
    await close(server)
    const error = await failure(first(`postgresql://u:secret@127.0.0.1:${port}/d`))
    expect(error).toMatchObject({
      code: "unreachable",
      message: `the database cannot be reached: nothing listens there: 127.0.0.1:${port}`,
    })
    expect(error.message + error.hint).not.toContain("secret")
  })

  test("a socket and a host that are not there", async () => {
    expect(await failure(first("postgresql://u@/d?host=/nowhere&port=6543"))).toMatchObject({
      code: "unreachable",
      message: "the database cannot be reached: there is no such socket: /nowhere/.s.PGSQL.6543",
    })
    expect(await failure(first("postgresql://u@host.invalid/d"))).toMatchObject({
      code: "unreachable",
      message: expect.stringMatching(/the host name (is unknown|cannot be looked up): host\.invalid$/),
    })
  })

  test("a server that does not answer", async () => {
    const server = createServer((socket) => socket.resume())
    const port = await listen(server)
    const trail = await open({
      connectionString: `postgresql://u@127.0.0.1:${port}/d`,
      connectTimeoutMs: 200,
      applicationName: "pgtrail",
    })
    expect(await failure(trail.status())).toMatchObject({
      code: "unreachable",
      message: `the database cannot be reached: no answer in time: 127.0.0.1:${port}`,
    })
    await close(server)
  })

  test("a database that is not there", async () => {
    expect(await failure(first(urlOfDatabase(db.url, "no_such_database")))).toMatchObject({
      code: "no-database",
      message: 'database "no_such_database" does not exist',
      hint: "create it, or name another in the connection URL",
    })
  })

  test("a role that is not there", async () => {
    expect(await failure(first(urlOfRole(db.url, "no_such_role", "x")))).toMatchObject({
      code: "authentication",
      hint: expect.stringContaining("user name"),
    })
  })

  test("a wrong password", () => {
    // The embedded server trusts everybody, so that only the words can be tried.
    const refused = Object.assign(new Error('password authentication failed for user "ann"'), {
      code: "28P01",
    })
    expect(toTrailError(refused)).toMatchObject({ code: "authentication", message: refused.message })
    const missing = new Error("SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string")
    expect(toTrailError(missing)).toMatchObject({
      code: "authentication",
      message: expect.stringContaining("password"),
    })
  })

  test("a schema that is not installed", async () => {
    const words = { code: "not-installed", hint: "pgtrail install" }
    expect(await failure(first(empty.url))).toMatchObject(words)
    const trail = await empty.trail()
    expect(await failure(trail.eventsWithId("00000000-0000-0000-0000-000000000000"))).toMatchObject(words)
    expect(await failure(trail.show({ organization: "a", lane: "0", seq: "1" }))).toMatchObject(words)
  })

  test("a role without rights", async () => {
    const role = await db.role()
    const words = {
      code: "privilege",
      hint: expect.stringMatching(/^grant .*pgtrail grant (writer, )?reader/),
    }
    expect(await failure(first(role.url))).toMatchObject(words)
    expect(await failure((await db.trail({ url: role.url })).status())).toMatchObject(words)
    const writer = await db.role({ memberOf: ["pgtrail_writer"] })
    expect(await failure(first(writer.url))).toMatchObject(words)
  })

  test("a connection that is lost while reading", async () => {
    const trail = await db.trail()
    const lost = async () => {
      for await (const _ of await trail.query({})) {
        await db.query(
          "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
        )
      }
      for await (const _ of await trail.query({})) break
      await trail.schemaState()
    }
    const outcome = await lost().then(
      () => "read",
      (error: unknown) => error,
    )
    // Eleven events may have arrived in one portion before the connection went.
    if (outcome !== "read") expect(outcome).toMatchObject({ code: "connection-lost" })
  })

  test("a file that is not there is no missing socket", () => {
    const error = Object.assign(new Error("ENOENT: no such file"), {
      code: "ENOENT",
      syscall: "open",
      path: "x",
    })
    expect(toTrailError(error)).toBe(error)
  })

  test("no parameter stands in an error", async () => {
    const trail = await db.trail()
    const error = await failure(
      (async () => {
        for await (const _ of await trail.query({ actor: "secret-actor", since: "no time" })) break
      })(),
    )
    expect(error.message).not.toContain("secret-actor")
  })
})
