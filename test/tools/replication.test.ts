// Logical replication: a subscriber of all of pgtrail's tables has a log that verifies while it is written, and can take over.
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type Cluster, type Server, until } from "../data/cluster.js"
import { redactOn } from "../data/redact-fixture.js"
import { testDatabase } from "../database.js"
import { dumpIsOlder, expectAtWork, ownServer, verified } from "./programs.js"
import { allowReplication, type Copy, followPurges, publication, settings, subscribed } from "./replicated.js"

let cluster: Cluster | undefined
let publisher: Server
let copy: Copy
let cannot: string | undefined
let here: Trail
let there: Trail

beforeAll(async () => {
  const tested = await testDatabase({ empty: true })
  try {
    if (await dumpIsOlder(tested)) cannot = "pg_dump is older than the server"
    else cluster = await ownServer(tested, { settings })
    if (cluster === undefined) {
      cannot ??= "the tested server runs elsewhere"
      return
    }
  } finally {
    await tested.drop()
  }
  publisher = cluster.primary
  await allowReplication(cluster)
  await publisher.query("select pgtrail.set_setting('retention-grace', '0d')")
  await publisher.query("select pgtrail.split_default($1, $2, $3)", [
    ["event_2020_01", "event_2020_02"],
    ["2020-01-01Z", "2020-02-01Z"],
    ["2020-02-01Z", "2020-03-01Z"],
  ])
  await append(120)
  await publisher.query("select pgtrail.detach_partition('event_2020_02', 'seldom read')")
  await publisher.query((await publisher.query(publication))[0]?.sql ?? "")
  here = await publisher.trail()
  await here.verify({ jobs: 1 })
  copy = await subscribed(publisher, "subscriber")
  there = await copy.trail()
})
afterAll(async () => {
  await copy?.close()
  await cluster?.remove()
})

/** From 1 January 2020 on, twelve hours apart; half of them are of the policy short. */
const append = (count: number, since = "2020-01-01Z") =>
  publisher.query(
    `insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id, actor_email, retention_policy, details)
     select 'o' || i % 3, $2::timestamptz + i * interval '12 hours', 'data.read', 'u' || i % 7, 'u' || i % 7 || '@example.org',
       case when i % 2 = 0 then 'short' else 'standard' end, '{"n": 1.10}'
     from generate_series(1, $1::int) i`,
    [count, since],
  )
const copied = async () => {
  await copy.caughtUp()
  return await verified({ trail: async () => there })
}
const original = () => verified({ trail: async () => here })

test("what README tells to run is what is run here", async () => {
  const readme = await readFile(join(import.meta.dirname, "../../README.md"), "utf8")
  const words = (text: string) => text.replace(/\s+/g, " ")
  for (const statement of [publication, followPurges]) {
    expect(words(readme)).toContain(words(statement.replace(" as sql\n", "\n")))
  }
})

test("the copy of a log with a detached partition is the log, and its catalog what the log's is", async ({
  skip,
}) => {
  if (cannot !== undefined) skip(cannot)
  const now = await copied()
  expect(now).toEqual(await original())
  expect(now).toMatchObject({ verdict: "intact", covered: { events: "120" } })
  expect(await there.validate()).toMatchObject({ differences: [] })
})

test("a log that is being written is intact on the subscriber at every moment", async ({ skip }) => {
  if (cannot !== undefined) skip(cannot)
  const writers = await Promise.all(
    ["read committed", "read committed", "repeatable read"].map(async (isolation) => {
      const client = await publisher.client()
      await client.query(`set default_transaction_isolation = '${isolation}'`)
      return client
    }),
  )
  let done = false
  const written = Promise.all(
    writers.map(async (client) => {
      for (let i = 0; !done; i += 1) {
        await client.query(
          `insert into pgtrail.event (organization_id, event_type, details)
           select 'o' || i % 3, 'w', '{"k": 1}' from generate_series(1, 1 + ${i} % 3) i`,
        )
      }
    }),
  )
  const counts: bigint[] = []
  await until("the copy was seen to grow, intact", async () => {
    const { verdict, findings, covered } = await there.verify({ jobs: 1, record: false })
    expect(findings).toEqual([])
    expect(verdict).toBe("intact")
    counts.push(BigInt(covered.events))
    return counts.filter((count, at) => count > (counts[at - 1] ?? count)).length >= 2
  }).finally(() => {
    done = true
  })
  await written
  for (const client of writers) await client.end()
  expect(await copied()).toEqual(await original())
})

test("the next act is the publisher's: a verification there is not recorded, and nothing is decided there", async ({
  skip,
}) => {
  if (cannot !== undefined) skip(cannot)
  expect(await there.verify({ jobs: 1 })).toMatchObject({
    verdict: "intact",
    act: null,
    not_recorded: "this log is written by a subscription: its acts are those of the publisher",
  })
  await expect(copy.query("select pgtrail.set_setting('retention-grace', '1d')")).rejects.toMatchObject({
    code: "TR019",
  })
  expect(await here.verify({ jobs: 1 })).toMatchObject({ verdict: "intact", not_recorded: null })
  expect(await copied()).toMatchObject({ verdict: "intact", findings: [] })
})

test("new partitions, redactions, holds and rows that are deleted one by one arrive", async ({ skip }) => {
  if (cannot !== undefined) skip(cannot)
  await publisher.query("select pgtrail.split_default($1, $2, $3)", [
    ["event_2020_03"],
    ["2020-03-01Z"],
    ["2020-04-01Z"],
  ])
  await append(20, "2020-03-03Z")
  await publisher.query(
    "select pgtrail.add_hold('C1', 'a claim', 'o1', actor => 'u4', until => '2020-02-01')",
  )
  const client = await publisher.client()
  await redactOn(client, [["id", "u1"]])
  await client.end()
  await publisher.query("select pgtrail.set_retention('policy', 'short', 100)")
  const [purged] = await publisher.query(
    "select method, events from pgtrail.purge_partition('event_2020_01', 'retention', most => 5)",
  )
  expect(purged).toMatchObject({ method: "delete", events: "5" })
  expect(await copied()).toMatchObject({ verdict: "intact", findings: [], covered: { purged: "5" } })
})

test("events whose partition was written anew by a purge stay, which verify says, and go by the README's statement", async ({
  skip,
}) => {
  if (cannot !== undefined) skip(cannot)
  const [purged] = await publisher.query(
    "select method, events from pgtrail.purge_partition('event_2020_01', 'retention', rewrite => true)",
  )
  expect(purged?.method).toBe("rewrite")
  const left = await copied()
  expect(left.verdict).toBe("tampered")
  expect(left.findings).toHaveLength(Number(purged?.events))
  expect(left.findings.every((one) => one.startsWith("inserted "))).toBe(true)
  await copy.query(followPurges)
  expect(await copied()).toEqual(await original())
})

test("what is altered at the subscriber is found there", async ({ skip }) => {
  if (cannot !== undefined) skip(cannot)
  const [{ seq, organization_id: org } = {}] = await copy.query(
    "select seq, organization_id from pgtrail.event where event_type = 'w' and lane = 0 limit 1",
  )
  const alter = (type: string) =>
    copy.query(`begin; set local session_replication_role = replica;
      update pgtrail.event set event_type = '${type}' where organization_id = '${org}' and lane = 0 and seq = ${seq}; commit`)
  await alter("x")
  expect((await copied()).findings).toEqual([`altered ${org}/0/${seq}`])
  await alter("w")
})

test("a partition that is detached at the publisher is attached at the subscriber: verify says so", async ({
  skip,
}) => {
  if (cannot !== undefined) skip(cannot)
  await publisher.query("select pgtrail.detach_partition('event_2020_03', 'seldom read')")
  expect(await copied()).toMatchObject({ verdict: "tampered", findings: ["control_altered -/-/-"] })
  await publisher.query("select pgtrail.attach_partition('event_2020_03')")
  expect(await copied()).toMatchObject({ verdict: "intact", findings: [] })
})

test("where partitions are published as themselves the first new one stops replication", async ({ skip }) => {
  if (cannot !== undefined) skip(cannot)
  const [server] = await publisher.query(
    "select current_setting('server_version_num')::int >= 150000 as counts",
  )
  if (server?.counts !== "t") skip("this server does not count what went wrong")
  await publisher.query("create publication leaves for table pgtrail.event")
  const leaves = await subscribed(publisher, "leaves", "leaves")
  try {
    const before = await leaves.query("select count(*) from pgtrail.event")
    await publisher.query("select pgtrail.split_default($1, $2, $3)", [
      ["event_2020_05"],
      ["2020-05-01Z"],
      ["2020-06-01Z"],
    ])
    await append(1, "2020-05-03Z")
    await until("the subscriber fails", async () => {
      const [row] = await leaves.query(
        "select apply_error_count > 0 as failed from pg_stat_subscription_stats where subname = 'leaves'",
      )
      return row?.failed === "t"
    })
    expect(await leaves.query("select count(*) from pgtrail.event")).toEqual(before)
  } finally {
    await leaves.takeOver()
    await leaves.close()
  }
})

test("when the subscription ends the copy takes over: it is appended to, and its verifications are recorded", async ({
  skip,
}) => {
  if (cannot !== undefined) skip(cannot)
  await copy.caughtUp()
  await copy.takeOver()
  await expectAtWork(copy)
})
