// Large statements and long transactions: linear in their rows, and within a default server's lock table; verified in little memory.
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { findBreaks } from "../checker.js"
import { type TestDatabase, testDatabase } from "../database.js"

const root = join(import.meta.dirname, "../..")

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
afterAll(() => db.drop())

test("one statement writes for 20,000 organizations", async () => {
  const client = await db.client()
  await client.query("begin")
  await client.query(
    "insert into pgtrail.event (organization_id, event_type) select 'tenant ' || i, 'x' from generate_series(1, 20000) i",
  )
  const { rows } = await client.query(
    "select count(*) as n from pg_locks where pid = pg_backend_pid() and locktype = 'advisory'",
  )
  // One key for each of 256 hashes, in one lane.
  expect(Number(rows[0].n)).toBeLessThanOrEqual(256)
  await client.query("commit")
  expect(await findBreaks(db)).toEqual([])
})

test("one REPEATABLE READ statement writes for 2,000 organizations", async () => {
  const client = await db.client()
  await client.query("begin isolation level repeatable read")
  await client.query(
    "insert into pgtrail.event (organization_id, event_type) select 'old ' || i, 'x' from generate_series(1, 2000) i",
  )
  await client.query("commit")
  expect(
    await db.query("select count(*) as n from pgtrail.event where organization_id like 'old %'"),
  ).toEqual([{ n: "2000" }])
})

/** Milliseconds of the quickest hundred events from one place to another, so few that nothing else had the processor meanwhile. */
async function quickest(organization: string, from: number, to: number): Promise<number> {
  const rows = await db.query(
    `select min(ms) as ms from (
       select extract(epoch from max(recorded_at) - min(recorded_at)) * 1000 as ms
       from pgtrail.event where organization_id = $1 and seq between $2 and $3 group by seq / 100 having count(*) = 100) s`,
    [organization, from, to],
  )
  return Number(rows[0]?.ms)
}

test("100,000 events in one statement take as long at the end as at the beginning", async () => {
  await db.query(
    `insert into pgtrail.event (organization_id, event_type, occurred_at)
     select 'bulk', 'x', date_trunc('month', now(), 'UTC') + random() * interval '60 days' from generate_series(1, 100000)`,
  )
  const [first, last] = [await quickest("bulk", 5000, 20000), await quickest("bulk", 85000, 100000)]
  expect(last).toBeLessThan(first * 3)
  expect(await findBreaks(db)).toEqual([])
})

test("20,000 single INSERTs in one transaction take as long at the end as at the beginning", async () => {
  for (const isolation of ["read committed", "repeatable read"]) {
    await db.query(`begin isolation level ${isolation}`)
    await db.query(`do $$ begin
      for i in 1 .. 20000 loop
        insert into pgtrail.event (organization_id, event_type) values ('${isolation}', 'x');
      end loop;
    end $$`)
    await db.query("commit")
    const [first, last] = [await quickest(isolation, 1000, 5000), await quickest(isolation, 15000, 20000)]
    expect(last, isolation).toBeLessThan(first * 3)
  }
})

test("the heads of a lane stay few, and seq 0 stays for ever", async () => {
  const rows = await db.query(`select organization_id, min(seq) as first, max(seq) as last, count(*) as heads
    from pgtrail.chain_head where organization_id in ('bulk', 'read committed', 'repeatable read') group by 1 order by 1`)
  expect(rows.map((row) => [row.organization_id, row.first, row.last])).toEqual([
    ["bulk", "0", "100000"],
    ["read committed", "0", "20000"],
    ["repeatable read", "0", "20000"],
  ])
  for (const row of rows) expect(Number(row.heads)).toBeLessThanOrEqual(129)
})

test.skipIf(!existsSync(join(root, "dist/index.js")))(
  "to verify 100,000 events that arrived in random order of time needs less than 200 MB of memory",
  async () => {
    const program = `
      const { open } = await import(process.argv[1])
      const trail = await open(process.env.PGTRAIL_URL)
      await trail.verify({ record: false, organization: "bulk" })
      process.stdout.write(String(process.resourceUsage().maxRSS))`
    const child = spawn(
      process.execPath,
      ["--input-type=module", "-e", program, join(root, "dist/index.js")],
      { env: { PATH: process.env.PATH, PGTRAIL_URL: db.url }, stdio: ["ignore", "pipe", "inherit"] },
    )
    let printed = ""
    child.stdout.on("data", (chunk) => {
      printed += chunk
    })
    await new Promise((resolve) => child.on("close", resolve))
    const kilobytes = Number(printed)
    expect(kilobytes).toBeGreaterThan(10_000)
    expect(kilobytes).toBeLessThan(200 * 1024)
  },
)
