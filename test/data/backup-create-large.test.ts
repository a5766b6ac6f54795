// Backups of logs with very many partitions, with events as large as they may be, and with more lanes than their list keeps.
import { afterAll, beforeAll, expect, test } from "vitest"
import { Runs } from "../../src/data/backup/runs.js"
import { verifyBackup } from "../../src/data/backup/verify.js"
import { openFolder } from "../../src/data/store/folder.js"
import { testDatabase } from "../database.js"
import { type BackupLog, backupLog } from "./backup-fixture.js"

let log: BackupLog
beforeAll(async () => {
  log = await backupLog()
  // As plain tables are made by hand, which takes a fraction of what create_partition takes.
  await log.db.query(
    `do $$ begin
       for n in 0..199 loop
         execute format('create table pgtrail.event_d%s partition of pgtrail.event for values from (%L) to (%L)', n,
           timestamptz '2001-01-01Z' + n * interval '1 day', timestamptz '2001-01-02Z' + n * interval '1 day');
       end loop;
     end $$`,
  )
  await log.db.query(
    `insert into pgtrail.event (organization_id, occurred_at, event_type)
     select 'o' || i % 3, timestamptz '2001-01-01Z' + i * interval '8 hours', 'a.b' from generate_series(0, 599) i`,
  )
  // A character of two bytes in UTF-8, one that COPY escapes, and one that is neither.
  await log.db.query(
    `insert into pgtrail.event (occurred_at, event_type, description)
     select '2020-01-02Z', 'a.b', string_agg(c, '') from generate_series(1, 340000), unnest(array['ü', E'\\t']) c`,
  )
})
afterAll(() => log.remove())

test("200 partitions, and an event at the limit of its size", async () => {
  const made = await log.create()
  expect(Number(made.partitions)).toBeGreaterThan(200)
  expect(await log.closes(made.name)).toBe(601)
  expect((await log.text(made.name, "event_2020_01")).length).toBeGreaterThan(1_000_000)
  const again = await log.create({ incremental: true })
  expect(Number(again.taken_over)).toBeGreaterThan(200)
  expect(await log.closes(again.name)).toBe(601)
})

test("they are verified, compared and restored, and the event has the bytes that it had", async () => {
  const made = await log.create()
  const to = `${log.to}/${made.name}`
  expect(await verifyBackup(openFolder(log.to), made.name ?? "")).toMatchObject({
    verdict: "intact",
    findings: [],
    covered: { events: "601" },
  })
  expect(await log.trail.compareBackup(to)).toMatchObject({ verdict: "equal", events: { differ: "0" } })
  const db = await testDatabase({ empty: true })
  try {
    const done = await (await db.trail()).restoreBackup(to)
    expect(done).toMatchObject({
      partitions: made.partitions,
      verification: { verdict: "intact", findings: [] },
    })
    const digest = "select md5(string_agg(e::text, '|' order by e.id)) as digest from pgtrail.event e"
    expect(await db.query(digest)).toEqual(await log.db.query(digest))
  } finally {
    await db.drop()
  }
})

const hash = (seq: number): string => `\\\\x${String(seq).padStart(64, "0")}`

function line(organization: string, lane: number, seq: number, previous = seq - 1): Buffer {
  const fields = Array.from({ length: 54 }, () => "x")
  const uuid = "00000000-0000-4000-8000-000000000000"
  fields[4] = organization
  fields.splice(45, 9, String(lane), String(seq), uuid, uuid, hash(previous), hash(seq), "1", "\\N", hash(7))
  return Buffer.from(`${fields.join("\t")}\n`)
}

const runsOf = (...lines: readonly Buffer[]): string | null => {
  const runs = new Runs()
  for (const one of lines) {
    const within = Buffer.concat([Buffer.from("before"), one, Buffer.from("after")])
    runs.add(within, 6, 6 + one.length)
  }
  return runs.finish()
}
const run = (organization: string, lane: number, first: number, last: number): string =>
  `${organization}\t${lane}\t${first}\t${last}\t${hash(first - 1)}\t${hash(last)}\n`

test("runs are found in whatever order rows stand, and end where one does not follow the other", () => {
  const all = [1, 2, 3, 4, 5, 6]
  const sorted = run("b", 0, 1, 6)
  for (const order of [all, [...all].reverse(), [2, 1, 6, 4, 5, 3], [1, 3, 5, 2, 4, 6]]) {
    expect(runsOf(...order.map((seq) => line("b", 0, seq)))).toBe(sorted)
  }
  expect(runsOf(line("b", 0, 1), line("b", 0, 3), line("b", 0, 4))).toBe(
    run("b", 0, 1, 1) + run("b", 0, 3, 4),
  )
  expect(runsOf(line("b", 0, 1), line("b", 0, 2, 9))).toBe(
    `${run("b", 0, 1, 1)}b\t0\t2\t2\t${hash(9)}\t${hash(2)}\n`,
  )
  // In the order of the organization's bytes, not of what COPY escapes it to.
  expect(
    runsOf(line("é", 1, 1), line("z", 12, 1), line("z", 2, 1), line("\\t", 0, 1), line("\\\\", 0, 1)),
  ).toBe(
    run("\\t", 0, 1, 1) + run("\\\\", 0, 1, 1) + run("z", 2, 1, 1) + run("z", 12, 1, 1) + run("é", 1, 1, 1),
  )
})

test("rows in no order, more of them than are kept at a time, are joined to what they are", () => {
  const runs = new Runs()
  // 7,919 is prime: each place of each lane once.
  for (let at = 0; at < 120_000; at += 1) {
    const number = (at * 7919) % 120_000
    const one = line("b", number % 2, Math.floor(number / 2) + 1)
    runs.add(one, 0, one.length)
  }
  expect(runs.finish()).toBe(run("b", 0, 1, 60_000) + run("b", 1, 1, 60_000))
})

test("where many files are written at once, each keeps fewer, so that all of them need no more memory", () => {
  const many = new Runs(64)
  for (let lane = 0; lane < 3500; lane += 1) {
    const one = line(`o${lane}`, 0, 1)
    many.add(one, 0, one.length)
  }
  expect(many.finish()).toBeNull()
})

test("more runs than the list keeps, and rows that are none of events, are no runs at all", () => {
  expect(runsOf(...Array.from({ length: 50_001 }, (_, lane) => line(`o${lane}`, 0, 1)))).toBeNull()
  expect(runsOf(Buffer.from("a\tb\tc\n"))).toBeNull()
  expect(runsOf(Buffer.from("\n"))).toBeNull()
  expect(
    runsOf(
      line("b", 0, 1),
      Buffer.from(
        line("b", 0, 2)
          .toString()
          .replace(/\t1\t\\N/, "\t\\N\t\\N\t\\N"),
      ),
    ),
  ).toBeNull()
  expect(runsOf()).toBe("")
})
