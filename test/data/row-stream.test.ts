// Rows that are read while they come: whoever reads hears of it when the connection is lost, at every moment, and never waits for ever.
import type { Client } from "pg"
import { afterAll, beforeAll, expect, test } from "vitest"
import { connect, destroy } from "../../src/data/connection.js"
import { streamRows } from "../../src/data/row-stream.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { until } from "./cluster.js"

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase({ empty: true })
})
afterAll(() => db.drop())

const numbers = (client: Client, most = 1_000) =>
  streamRows<{ n: string }>(client, "select generate_series(1, $1::int) as n", [most], 10)

const endedByServer = async (client: Client): Promise<void> => {
  const { processID } = client as unknown as { processID: number }
  await db.query("select pg_terminate_backend($1)", [processID])
  await until(
    "it is gone",
    async () => (await db.query("select from pg_stat_activity where pid = $1", [processID])).length === 0,
  )
}
const ways = { "the server ends its session": endedByServer, "its socket is destroyed": destroy }

test.each(Object.entries(ways))("after some rows: %s", async (_, lose) => {
  const client = await connect({ connectionString: db.url })
  let rows = 0
  const reading = async (): Promise<void> => {
    for await (const _row of numbers(client)) {
      rows += 1
      if (rows === 10) await lose(client)
    }
  }
  await expect(reading()).rejects.toThrow(/terminat/i)
  expect(rows).toBeLessThan(1_000)
  await client.end()
})

test.each(Object.entries(ways))("before the first: %s", async (_, lose) => {
  const client = await connect({ connectionString: db.url })
  const rows = streamRows(client, "select pg_sleep(100)", [], 10)[Symbol.asyncIterator]()
  const first = rows.next().catch((error: unknown) => error)
  await until("it is at work", async () => {
    const { processID } = client as unknown as { processID: number }
    const at = await db.query("select from pg_stat_activity where pid = $1 and wait_event = 'PgSleep'", [
      processID,
    ])
    return at.length === 1
  })
  await lose(client)
  expect(await first).toMatchObject({ message: expect.stringMatching(/terminat/i) })
  await client.end()
})

test("before it was asked, and while its reader leaves", async () => {
  const client = await connect({ connectionString: db.url })
  for await (const { n } of numbers(client)) {
    if (n === "10") break
  }
  // Whoever leaves early leaves a connection that takes the next question.
  expect((await client.query("select 1 as one")).rows).toEqual([{ one: "1" }])
  for await (const { n } of numbers(client)) {
    if (n !== "10") continue
    destroy(client)
    break
  }
  const reading = async (): Promise<void> => {
    for await (const _row of numbers(client)) throw new Error("a row of a lost connection")
  }
  await expect(reading()).rejects.toThrow(/terminat|not queryable|closed/i)
  await client.end()
})
