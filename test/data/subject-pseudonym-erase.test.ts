// An erasure and a pseudonymization of one person at once: whichever waits sees what the other one did, and the person stands nowhere after.
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { gunzipSync } from "node:zlib"
import { expect, test } from "vitest"
import { countFound } from "../../src/data/subject/found.js"
import { until } from "./retention-fixture.js"
import { pseudonymLogs, subject } from "./subject-pseudonym-fixture.js"

const log = pseudonymLogs()
const strategies = ["hash", "token", "encrypt"] as const

const atWork = (query: string) =>
  `select exists (select from pg_stat_activity where query like '%${query}(%' and pid <> pg_backend_pid()
     and datname = current_database() and state <> 'idle')`

const identifiers = [
  { kind: "id", value: subject.id },
  { kind: "email", value: subject.email },
  { kind: "name", value: subject.name },
] as const

const erase = () =>
  log().trail.eraseSubject(identifiers, {
    ...{ reason: "Article 17", requestedBy: "R-12", confirm: subject.id, keys: log().keys("k1") },
  })

/** Both begin, and the second waits for the first. */
async function held<A, B>(first: () => Promise<A>, second: () => Promise<B>): Promise<readonly [A, B]> {
  const { db } = log()
  const holder = await db.client()
  await holder.query("begin; select pg_advisory_xact_lock(1885828210, -1)")
  const a = first()
  await until(db, atWork("record_redaction"))
  const b = second()
  await until(db, atWork("redact_begin"))
  await holder.query("rollback")
  await holder.end()
  return [await a, await b]
}

const left = () =>
  log().db.query(
    `select (select count(*) from pgtrail.event e where e.actor_id like 'p1:%' or e.details::text like '%p1:%') as events,
       (select count(*) from pgtrail.pseudonym) as pseudonyms`,
  )

test.each(strategies)(
  "an erasure that waits for a pseudonymization by %s erases what stands under the pseudonym, and whom it stands for",
  async (strategy) => {
    const { pseudonymize, trail } = log()
    const [done, erased] = await held(() => pseudonymize(strategy), erase)
    expect(done).toMatchObject({ events: "6", known: [] })
    expect(erased).toMatchObject({ pseudonyms: 2, complete: true, receipt: { events: "6" } })
    expect(await left()).toEqual([{ events: "0", pseudonyms: "0" }])
    expect(await trail.verify({ jobs: 1, record: false })).toMatchObject({ verdict: "intact" })
  },
)

test.each(strategies)(
  "after a pseudonymization by %s what had the address or the name alone is found under the pseudonym, and erased",
  async (strategy) => {
    const { db, pseudonymize, trail, keys } = log()
    await db.query(
      `insert into pgtrail.event (organization_id, occurred_at, event_type, actor_email, actor_name)
       values ('acme', '2026-02-02Z', 'mail.sent', $1, null), ('acme', '2026-02-03Z', 'mail.sent', null, $2)`,
      [subject.email, subject.name],
    )
    expect(await pseudonymize(strategy)).toMatchObject({ events: "8" })
    const { found } = await trail.findSubject(identifiers, { keys: keys("k1") })
    expect(countFound(found, "events")).toBe("8")
    expect(await erase()).toMatchObject({ complete: true, receipt: { events: "8" } })
    const [stands] = await db.query(
      "select count(*) from pgtrail.event e where concat(e.actor_id, e.actor_email, e.actor_name, e.details) like '%p1:%'",
    )
    expect(stands).toEqual({ count: "0" })
    expect(await trail.verify({ jobs: 1, record: false })).toMatchObject({ verdict: "intact" })
  },
)

test("a pseudonymization that waits for an erasure finds nothing, makes nothing, and knows of no pseudonym that was forgotten", async () => {
  const { pseudonymize, trail, db } = log()
  await pseudonymize("token")
  await db.query(
    "insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id) values ('acme', '2026-02-02Z', 'a', $1)",
    [subject.id],
  )
  const [erased, done] = await held(erase, () => pseudonymize("token"))
  expect(erased).toMatchObject({ complete: true, receipt: { events: "7" } })
  expect(done).toMatchObject({ act: null, events: "0", known: [], organizations: [], complete: true })
  expect(await left()).toEqual([{ events: "0", pseudonyms: "0" }])
  expect(await trail.verify({ jobs: 1, record: false })).toMatchObject({ verdict: "intact" })
})

/** What the archives in force say, as they were written by COPY. */
async function archived(): Promise<string> {
  const rows = await log().db.query("select name from pgtrail.archive where removed_seq is null")
  const texts = rows.map(async ({ name }) =>
    gunzipSync(await readFile(join(log().folder, name ?? "", "events.copy.gz"))).toString(),
  )
  return (await Promise.all(texts)).join("\n")
}

test("where both come to an archive, in whatever order, an erasure that says complete has left nothing in it", async () => {
  const { pseudonymize, trail, db, folder } = log()
  await db.query("select pgtrail.set_setting('retention-grace', '0d')")
  await db.query("select pgtrail.create_partitions('2025-01-15Z', '2025-01-16Z')")
  await db.query(
    "insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id) values ('old', '2025-01-15Z', 'a', $1)",
    [subject.id],
  )
  await trail.createArchives({ to: pathToFileURL(folder).href, partition: "event_2025_01" })
  expect(await archived()).toContain(subject.id)
  const [, first] = await held(() => pseudonymize("token"), erase)
  let { complete } = first
  for (let run = 0; run < 2 && !complete; run += 1) complete = (await erase()).complete
  expect(complete).toBe(true)
  expect(await archived()).not.toContain(subject.id)
  expect(await archived()).not.toContain("p1:")
  expect(await left()).toEqual([{ events: "0", pseudonyms: "0" }])
  expect(await trail.verify({ jobs: 1, record: false, archives: ["recorded"] })).toMatchObject({
    verdict: "intact",
  })
})
