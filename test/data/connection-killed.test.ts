// A session whose client was killed ends, and gives its locks back, although its statement would go on for long; and a server that is lost while a session is set up.
import { afterAll, beforeAll, expect, test } from "vitest"
import { connect, destroy } from "../../src/data/connection.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { until } from "./cluster.js"
import { failureOf } from "./failure.js"
import { proxyTo } from "./muted-proxy.js"

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
afterAll(() => db.drop())

const isLinux = async () => (await db.query("select version() ~ 'linux' as linux"))[0]?.linux === "t"

test("a statement ends soon after its client, where the server can tell", async (context) => {
  if (!(await isLinux())) context.skip()
  const client = await connect({ connectionString: db.url })
  client.on("error", () => undefined)
  const { processID } = client as unknown as { processID: number }
  client.query("select pg_advisory_lock(1, 1), pg_sleep(100)").catch(() => undefined)
  const holds = async () =>
    (
      await db.query("select 1 from pg_locks where locktype = 'advisory' and pid = $1 and granted", [
        processID,
      ])
    ).length === 1
  await until("the lock is taken", holds)
  destroy(client)
  await until("the lock is given back", async () => !(await holds()))
  // It gives its locks back before it is gone.
  await until("it is gone", async () => {
    const there = await db.query("select 1 from pg_stat_activity where pid = $1 and state = 'active'", [
      processID,
    ])
    return there.length === 0
  })
})

test("a server that goes silent just after the login is waited for no longer than for a login", async () => {
  const proxy = await proxyTo(db.url)
  proxy.muteAfterLogin()
  try {
    const connectionString = `${proxy.url}&connect_timeout=1`
    expect(await failureOf(connect({ connectionString }))).toMatchObject({ code: "connection-lost" })
  } finally {
    await proxy.close()
  }
})
