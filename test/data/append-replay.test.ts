// A call that is repeated, by the caller or after a lost connection, appends nothing twice.
import { randomUUID } from "node:crypto"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type EventInput, TrailError } from "../../src/data/index.js"
import type { Trail } from "../../src/data/trail.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { startProxy } from "./proxy.js"

let database: TestDatabase
let trail: Trail
beforeAll(async () => {
  database = await testDatabase()
  trail = await database.trail()
})
afterAll(() => database.drop())

async function failure(work: Promise<unknown>): Promise<TrailError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof TrailError)) throw new Error(`expected a TrailError, got ${String(error)}`)
  return error
}

const count = async (type: string) =>
  Number(
    (await database.query("select count(*) as n from pgtrail.event where event_type = $1", [type]))[0]?.n,
  )

describe("never twice", () => {
  test("a repeated batch is told the places of the first call, with and without ids", async () => {
    const batchId = randomUUID()
    const events: EventInput[] = [
      { event_type: "replay", organization_id: "a", occurred_at: "2026-03-01T00:00:00Z" },
      { event_type: "replay", organization_id: "b" },
    ]
    const first = await trail.append(events, { batchId })
    expect(await trail.append(events, { batchId })).toEqual(first)
    expect(await count("replay")).toBe(2)
    const error = await failure(trail.append({ event_type: "replay", actor_id: "other" }, { batchId }))
    expect(error.message).toContain("the batch id was used for other events")
    expect(error.hint).toContain("new batch id")
  })

  test("two calls of one batch at once append it once", async () => {
    const batchId = randomUUID()
    const other = await database.trail()
    const event = { event_type: "at.once" }
    const [a, b] = await Promise.all([trail.append(event, { batchId }), other.append(event, { batchId })])
    expect(a).toEqual(b)
    expect(await count("at.once")).toBe(1)
  })

  test("batches are forgotten after 24 hours", async () => {
    const batchId = randomUUID()
    await trail.append({ event_type: "old" }, { batchId })
    await database.query(
      "update pgtrail.append_batch set recorded_at = now() - interval '25 hours' where batch_id = $1",
      [batchId],
    )
    await trail.append({ event_type: "old" })
    expect(await database.query("select from pgtrail.append_batch where batch_id = $1", [batchId])).toEqual(
      [],
    )
  })

  test("an answer that was lost with the connection is asked for again", async () => {
    const proxy = await startProxy(database.url)
    const through = await database.trail({ url: proxy.url })
    await through.append({ event_type: "warm" })
    proxy.swallowAnswerTo("lost.answer")
    const [place] = await through.append({ event_type: "lost.answer" })
    expect(await count("lost.answer")).toBe(1)
    const rows = await database.query(
      "select id::text as id from pgtrail.event where event_type = 'lost.answer'",
    )
    expect(rows).toEqual([{ id: place?.id }])
    await through.close()
    await proxy.close()
  })

  test.each([
    [
      "serialization failures and deadlocks",
      "raise exception using errcode = case n when 1 then '40001' else '40P01' end",
    ],
    ["a terminated backend", "perform pg_terminate_backend(pg_backend_pid()), pg_sleep(0.1)"],
  ])("repeats after %s", async (name, action) => {
    await database.query(
      "drop sequence if exists attempts; create sequence attempts; grant usage on sequence attempts to public",
    )
    await database.query(`create or replace function disturb() returns trigger language plpgsql security definer as $$
      declare n bigint := nextval('public.attempts'); begin if n <= 2 then ${action}; end if; return new; end $$`)
    await database.query(
      "create trigger disturb before insert on pgtrail.append_batch for each row execute function disturb()",
    )
    try {
      expect(await trail.append([{ event_type: name }, { event_type: name }])).toHaveLength(2)
      expect(await count(name)).toBe(2)
      expect(await database.query("select last_value from attempts")).toEqual([{ last_value: "3" }])
    } finally {
      await database.query("drop trigger disturb on pgtrail.append_batch")
    }
  })

  test("the chain is intact after all of this", async () => {
    const report = await trail.verify()
    // The trigger of the test above changed the catalog and was taken away again.
    expect(report.findings).toEqual([])
  })
})
