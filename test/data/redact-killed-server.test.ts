// kill -9 of the whole server in the middle of an erasure, of what it does to the files of tables, and of a pseudonymization: after it has recovered
// all of it was done or nothing, the log verifies, and the same again completes it.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type Cluster, canStart, type Server, startCluster, until } from "./cluster.js"
import { failureOf } from "./failure.js"

let cluster: Cluster
let log: Server
let trail: Trail
const secret = Buffer.alloc(32, 5).toString("base64")
const keys = { ids: ["k1"], read: async () => secret }
const why = { reason: "r", requestedBy: "w", keys }
const id = (value: string) => [{ kind: "id", value }] as const

beforeAll(async () => {
  cluster = await startCluster({ settings: { synchronous_commit: "on", full_page_writes: "on" } })
  log = cluster.primary
  trail = await log.trail()
  const [later] = await log.query(
    `select string_agg(format('drop table pgtrail.%I', p.name), '; ') as sql from pgtrail.partitions() p
     where not p.is_default and p.since > now() + interval '1 month'`,
  )
  await log.query(later?.sql ?? "")
  await trail.addPrivacyKey({ id: "k1", keys })
  await log.query(
    `insert into pgtrail.event (organization_id, event_type, actor_id, actor_email)
     select 'acme', 'a.b', 'u' || i % 4, 'u' || i % 4 || '@x.example' from generate_series(1, 400) i`,
  )
})
afterAll(() => cluster?.remove())

/** Events of the log that the person did. */
const events = async (value: string) =>
  Number((await log.query("select count(*) as n from pgtrail.event e where e.actor_id = $1", [value]))[0]?.n)

const intact = async () =>
  expect(await trail.verify({ jobs: 1, record: false })).toMatchObject({ verdict: "intact", findings: [] })

/** Kills it where `work` has come to `step`, which waits for what `hold` has. */
async function killedAt(step: string, hold: string, work: () => Promise<unknown>): Promise<void> {
  const holder = await log.client()
  await holder.query(`begin; ${hold}`)
  const running = failureOf(work())
  await until(`it is in ${step}`, async () => {
    const there = await log.query(
      "select from pg_stat_activity where query like $1 and pid <> pg_backend_pid() and state = 'active' and cardinality(pg_blocking_pids(pid)) > 0",
      [`%${step}(%`],
    )
    return there.length > 0
  })
  await log.stop("kill")
  await holder.end().catch(() => undefined)
  expect(await running).toMatchObject({ code: expect.stringMatching(/connection-lost|unreachable/) })
  await log.start()
}

const steps = [
  ["finds", "find_subject", "lock table pgtrail.subject_rule in access exclusive mode"],
  ["replaces", "redact_partition", "lock table pgtrail.redaction_entry in share mode"],
  ["records", "record_redaction", "select pg_advisory_xact_lock(1885828210, -1)"],
] as const

describe.skipIf(!canStart)("a server that is killed", () => {
  test.each(steps)(
    "while an erasure %s: nothing is erased, and the next run does it",
    async (what, step, hold) => {
      const person = `u${steps.findIndex(([name]) => name === what)}`
      const erase = () => trail.eraseSubject(id(person), { ...why, confirm: person })
      await killedAt(step, hold, erase)
      expect(await events(person)).toBe(100)
      await intact()
      expect(await erase()).toMatchObject({ receipt: { events: "100", failed: [] } })
      expect(await events(person)).toBe(0)
      await intact()
    },
  )

  test.each(steps)(
    "while a pseudonymization %s: nobody has a pseudonym, and the next run makes it",
    async (what, step, hold) => {
      const person = `p-${what}`
      await log.query(
        "insert into pgtrail.event (organization_id, event_type, actor_id) select 'acme', 'a.b', $1 from generate_series(1, 50)",
        [person],
      )
      const noted = await log.query("select count(*) as n from pgtrail.pseudonym")
      const work = () => trail.pseudonymize(id(person), { ...why, strategy: "token" })
      await killedAt(step, hold, work)
      expect(await events(person)).toBe(50)
      expect(await log.query("select count(*) as n from pgtrail.pseudonym")).toEqual(noted)
      await intact()
      const { organizations } = await work()
      expect(organizations).toMatchObject([{ organization_id: "acme", events: "50" }])
      expect(await events(organizations[0]?.pseudonym ?? "")).toBe(50)
      await intact()
    },
  )

  test("while it writes the files of a table anew: the erasure stands, no event is lost, and the next run finishes", async () => {
    const [before] = await log.query("select count(*) as n from pgtrail.event")
    const erase = () => trail.eraseSubject(id("u3"), { ...why, confirm: "u3", physical: true })
    const holder = await log.client()
    // A reader that stays keeps it from the partition.
    await holder.query("begin; select count(*) from pgtrail.event")
    const running = erase().catch((error: unknown) => error)
    await until("it builds a partition anew", async () => {
      const there = await log.query(
        "select from pg_stat_activity where query like '%rewrite_partition(%' and pid <> pg_backend_pid() and state = 'active'",
      )
      return there.length > 0
    })
    await log.stop("kill")
    await holder.end().catch(() => undefined)
    await running
    await log.start()
    expect(await log.query("select count(*) as n from pgtrail.event")).toEqual([before])
    expect(await events("u3")).toBe(0)
    await intact()
    expect((await log.query("select name from pgtrail.redacted_partitions() name")).length).toBeGreaterThan(0)
    expect(await erase()).toMatchObject({ receipt: { method: "physical", failed: [] } })
    expect(await log.query("select name from pgtrail.redacted_partitions() name")).toEqual([])
    await intact()
  })
})
