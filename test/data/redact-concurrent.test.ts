// A redaction among others: writers that append, holds, purges, partitions that come and go, another redaction, a session that is killed.
import type { Client } from "pg"
import { beforeEach, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import type { TestDatabase } from "../database.js"
import { preparedDatabase } from "./prepared-database.js"
import { checkRedactions } from "./redact-checker.js"
import { found, redact, redactOn, type Subject, whereabouts } from "./redact-fixture.js"
import { until } from "./retention-fixture.js"

const prepared = preparedDatabase((made) => made.query("select pgtrail.set_setting('retention-grace', '0d')"))
let db: TestDatabase
let trail: Trail | undefined
beforeEach(async () => {
  const before = db
  db = await prepared()
  if (db !== before) trail = undefined
})

const ann: Subject = [["id", "ann-1"]]

/** Events of ann and of others in turns, an hour apart from `since` on, in `organizations`. */
const appendMany = (count: number, since: string, organizations = 2) =>
  db.query(
    `insert into pgtrail.event (organization_id, event_type, actor_id, details, occurred_at)
     select 'o' || i % $3, 'a', case when i % 4 < 2 then 'ann-1' else 'bob-2' end, jsonb_build_object('n', i, 'who', case when i % 4 < 2 then 'ann-1' end),
       $2::timestamptz + i * interval '1 hour' from generate_series(1, $1::int) i`,
    [count, since, organizations],
  )

async function isSound(): Promise<{ identity: number; content: number }> {
  const { breaks, identity, content } = await checkRedactions(db)
  expect(breaks).toEqual([])
  trail ??= await db.trail()
  const report = await trail.verify({ jobs: 1, record: false })
  expect(report.findings).toEqual([])
  expect(report.verdict).toBe("intact")
  return { identity, content }
}

/** Until the session waits for a lock of another. */
const waitsPid = (pid: string) => until(db, `cardinality(pg_blocking_pids(${pid})) > 0`)
const pidOf = async (client: Client): Promise<string> =>
  (await client.query<{ pid: string }>("select pg_backend_pid() as pid")).rows[0]?.pid ?? ""

test("two for one subject at once: the second waits, and finds nothing that is left", async () => {
  await appendMany(40, "2026-01-01Z")
  const [one, two] = [await db.client(), await db.client()]
  const pid = await pidOf(two)
  let second: Promise<unknown> | undefined
  const first = await redactOn(one, ann, {
    meanwhile: async () => {
      second = redactOn(two, ann)
      second.catch(() => {})
      await waitsPid(pid)
    },
  })
  expect(first).toMatchObject({ events: "20" })
  expect(await second).toMatchObject({ events: "0" })
  expect(await isSound()).toEqual({ identity: 20, content: 20 })
})

test("two for two subjects that share events: both are replaced", async () => {
  await appendMany(40, "2026-01-01Z")
  await db.query(
    "insert into pgtrail.event (organization_id, event_type, actor_id, details) values ('o1', 'a', 'ann-1', '{\"to\": \"bob-2\"}')",
  )
  await Promise.all([redact(db, ann, { inText: true }), redact(db, [["id", "bob-2"]], { inText: true })])
  expect(await whereabouts(db, ["ann-1", "bob-2"])).toEqual([])
  await isSound()
})

test("a hold that is placed while the events are replaced wins: nothing is redacted, and it says to run it again", async () => {
  await appendMany(8, "2026-01-01Z")
  await expect(
    redact(db, ann, {
      meanwhile: () => db.query("select pgtrail.add_hold('C-1', 'a claim', organization => 'o1')"),
    }),
  ).rejects.toMatchObject({ code: "40001" })
  expect(await isSound()).toEqual({ identity: 0, content: 0 })
  const [{ n } = { n: "" }] = await db.query(
    "select count(*) as n from pgtrail.event where organization_id = 'o1' and actor_id = 'ann-1'",
  )
  expect(await redact(db, ann)).toMatchObject({ held: n })
  expect(
    await db.query(
      "select count(*) as n from pgtrail.event where organization_id = 'o1' and actor_id = 'ann-1'",
    ),
  ).toEqual([{ n }])
})

test("a hold that waits for the act of a redaction comes after it, and holds what is left", async () => {
  await appendMany(8, "2026-01-01Z")
  const client = await db.client()
  await client.query("begin")
  await client.query("select pgtrail.subject_stage()")
  await client.query("insert into pg_temp.pgtrail_subject values ('id', 'ann-1')")
  await client.query("select pgtrail.redact_begin()")
  await client.query("select pgtrail.find_subject(name) from pgtrail.partitions()")
  await client.query("select pgtrail.redact_partition(name, 'erase') from pgtrail.partitions()")
  await client.query("select pgtrail.record_redaction('erase', 'why')")
  const other = await db.client()
  const pid = await pidOf(other)
  const placed = other.query("select pgtrail.add_hold('C-1', 'a claim', organization => 'o1')")
  await waitsPid(pid)
  await client.query("commit")
  await placed
  expect(await isSound()).toEqual({ identity: 4, content: 4 })
})

test.each(["subject_rule", "retention"])(
  "a law that is made meanwhile (%s) is not passed over: it is run again",
  async (kind) => {
    await appendMany(8, "2026-01-01Z")
    const sql =
      kind === "retention"
        ? "select pgtrail.set_retention('floor', 'pci', 3000, compliance_tag => 'PCI')"
        : "select pgtrail.add_subject_rule(kind => 'keep', event_type => 'a')"
    await expect(redact(db, ann, { meanwhile: () => db.query(sql) })).rejects.toMatchObject({ code: "40001" })
    expect(await isSound()).toEqual({ identity: 0, content: 0 })
  },
)

test("20 writers append while it runs: none fails or waits for it, and what they append of the subject is there to be found", async () => {
  await appendMany(60, "2026-01-01Z", 5)
  const written = { ann: 0, all: 0 }
  const clients = await Promise.all(Array.from({ length: 20 }, () => db.client()))
  /** As fast as each can, but no more: a slow machine would have the more to redact. */
  const write = async (times: number): Promise<void> => {
    const writing = clients.map(async (client, writer) => {
      for (let n = 0; n < times; n += 1) {
        const who = n % 3 === 0 ? "ann-1" : "bob-2"
        await client.query(
          "insert into pgtrail.event (organization_id, event_type, actor_id, occurred_at) values ($1, 'a', $2, now() - $3 * interval '9 days')",
          [`o${writer % 5}`, who, n],
        )
        written.all += 1
        if (who === "ann-1") written.ann += 1
      }
    })
    await Promise.all(writing)
  }
  const begun = write(4)
  let redacted = Number(
    (
      await redact(db, ann, {
        meanwhile: async () => {
          await begun
          // All is replaced and nothing is recorded: who waited for the redaction would never be done.
          await write(1)
          expect(written.all).toBe(100)
        },
      })
    ).events,
  )
  const [again] = await Promise.all([redact(db, ann), write(4)])
  redacted += Number(again.events)
  const left = await found(db, ann, {}, "seq")
  expect(redacted + left.length).toBe(30 + written.ann)
  redacted += Number((await redact(db, ann)).events)
  expect(redacted).toBe(30 + written.ann)
  expect((await isSound()).identity).toBe(redacted)
  expect(await whereabouts(db, ["ann-1"])).toEqual([])
})

test("many at once, of redactions, purges, partitions and holds: no deadlock, nothing lost", async () => {
  await appendMany(60, "2020-01-28Z", 3)
  await db.query(
    `select pgtrail.split_default('{event_2020_01,event_2020_02}', '{2020-01-01Z,2020-02-01Z}', '{2020-02-01Z,2020-03-01Z}')`,
  )
  await db.query(
    "select pgtrail.set_retention('policy', 'goes', 30, organization => 'o2', confirmed => true)",
  )
  /** What is told to be run again is run again. */
  const again = async (work: () => Promise<unknown>): Promise<void> => {
    for (let times = 0; ; times += 1) {
      try {
        await work()
        return
      } catch (error) {
        const { code } = error as { code: string }
        if (!["40001", "TR013"].includes(code) || times === 30) throw error
      }
    }
  }
  const statement = (sql: string) => async () => {
    const client = await db.client()
    try {
      await client.query(sql)
    } finally {
      await client.end()
    }
  }
  await Promise.all([
    again(() => redact(db, ann)),
    again(() => redact(db, [["id", "bob-2"]], { inText: true })),
    again(statement("select * from pgtrail.purge_partition('event_2020_01', 'retention', rewrite => true)")),
    again(statement("select * from pgtrail.purge_partition('event_2020_02', 'retention', rewrite => false)")),
    again(statement("select pgtrail.add_hold('C-1', 'a claim', actor => 'nobody')")),
    again(() => redact(db, ann, { inText: true })),
  ])
  expect(await whereabouts(db, ["ann-1", "bob-2"])).toEqual([])
  await isSound()
})

test("a session that is killed in the middle leaves nothing, and the next run does all of it", async () => {
  await appendMany(40, "2026-01-01Z")
  const client = await db.client()
  const pid = await pidOf(client)
  await expect(
    redactOn(client, ann, { meanwhile: () => db.query("select pg_terminate_backend($1)", [pid]) }),
  ).rejects.toThrow()
  expect(await isSound()).toEqual({ identity: 0, content: 0 })
  expect(await db.query("select count(*) from pgtrail.redaction_entry")).toEqual([{ count: "0" }])
  expect(await redact(db, ann)).toMatchObject({ events: "20" })
  expect(await isSound()).toEqual({ identity: 20, content: 20 })
})

test("while it runs, nobody sees half of it", async () => {
  await appendMany(40, "2026-01-01Z")
  const seen = () => db.query("select count(*) from pgtrail.event where actor_id = 'ann-1'")
  await redact(db, ann, {
    meanwhile: async () => {
      expect(await seen()).toEqual([{ count: "20" }])
      expect(await db.query("select count(*) from pgtrail.redaction_entry")).toEqual([{ count: "0" }])
    },
  })
  expect(await seen()).toEqual([{ count: "0" }])
})
