// An e-mail address that several people have, named with one of them: it is told who they are, and nobody is taken along.
import { existsSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { beforeEach, expect, test } from "vitest"
import { readIdentifiers } from "../../src/data/subject/identifiers.js"
import { refuseSharedInLog } from "../../src/data/subject/shared-address.js"
import { failureOf } from "./failure.js"
import { subjectLogs } from "./subject-fixture.js"

const log = subjectLogs()
const why = { reason: "r", requestedBy: "w" }
const emp2 = readIdentifiers("emp-2", ["email=Shared@corp.example"])
const all = readIdentifiers("emp-2", ["email=shared@corp.example", "id=emp-1", "id=emp-3"])

beforeEach(async () => {
  await log().db.query(`insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id, actor_email, details)
    select o, timestamptz '2026-02-01Z' + i * interval '1 hour', 'a.b', 'emp-' || i, 'shared@CORP.example', '{"n": 1}'::jsonb
    from generate_series(1, 3) i, unnest(array['acme', 'globex']) o
    union all select 'acme', timestamptz '2026-02-02Z', 'a.b', 'emp-1', 'shared@corp.example', null`)
})

const words =
  "the e-mail address that is identifier 2 is not the subject's alone: 2 other actors, not given as an identifier, did 5 events with it"
const note = `${words}: "emp-1" (2 events in "acme", 1 event in "globex"), "emp-3" (1 event in "acme", 1 event in "globex"); to export, erase, pseudonymize or restrict: --also id=ID where one is the same person, else leave the address out`

test("who else has the address is told by find and by a dry run, with their events in each organization", async () => {
  const { trail, path } = log()
  expect((await trail.findSubject(emp2)).limits).toContain(note)
  const dry = await trail.eraseSubject(emp2, { ...why, dryRun: true })
  expect(dry).toMatchObject({ complete: false })
  expect(dry.would?.limits).toContain(note)
  await trail.addPrivacyKey({ out: path("k1") })
  const keys = { ids: ["k1"], read: () => log().read("k1") }
  const pseudonyms = await trail.pseudonymize(emp2, { ...why, keys, strategy: "hash", dryRun: true })
  expect(pseudonyms).toMatchObject({ complete: false })
  expect(pseudonyms.limits).toContain(note)
  expect((await trail.findSubject(all)).limits.join()).not.toContain("alone")
})

test("export, erasure, pseudonym and restriction refuse an address that others have too, before anything is done, and name nobody", async () => {
  const { trail, db, folder, path } = log()
  await trail.addPrivacyKey({ out: path("k1") })
  const keys = { ids: ["k1"], read: () => log().read("k1") }
  const before = await db.query("select count(*) as acts from pgtrail.act")
  const rows = await db.query(
    "select md5(string_agg(e::text, '' order by e::text)) as all from pgtrail.event e",
  )
  const client = await db.client()
  const out = join(folder, "out.csv")
  const receipt = path("receipt.json")
  for (const [work, nothing] of [
    [() => trail.eraseSubject(emp2, { ...why, confirm: "emp-2", receipt }), "nothing was erased"],
    [() => trail.pseudonymize(emp2, { ...why, keys, strategy: "hash" }), "nothing was changed"],
    [() => trail.exportSubject(emp2, { out, format: "csv" }), "nothing was written"],
    [() => refuseSharedInLog(client, emp2, {}, "nothing was restricted"), "nothing was restricted"],
  ] as const) {
    expect(await failureOf(work())).toMatchObject({
      code: "usage",
      message: words,
      hint: `${nothing}; pgtrail gdpr find tells their ids: --also id=ID where one is the same person, else leave the address out: it goes from his own events all the same`,
    })
  }
  await client.end()
  expect([out, receipt].filter((file) => existsSync(file))).toEqual([])
  expect(await db.query("select count(*) as acts from pgtrail.act")).toEqual(before)
  expect(
    await db.query("select md5(string_agg(e::text, '' order by e::text)) as all from pgtrail.event e"),
  ).toEqual(rows)
})

test("without the address he alone is erased, and the address goes from his events", async () => {
  const { trail, count } = log()
  const done = await trail.eraseSubject(readIdentifiers("emp-2"), { ...why, confirm: "emp-2" })
  expect(done.receipt).toMatchObject({ events: "2" })
  expect(await count("actor_email ilike 'shared@%'")).toBe(5)
  expect(await count("actor_id = 'emp-2' or actor_id is null and actor_email is not null")).toBe(0)
})

test("with all their ids given they are one person", async () => {
  const { trail, count, folder } = log()
  const { manifest } = await trail.exportSubject(all, { out: join(folder, "out.csv"), format: "csv" })
  expect(manifest.counts).toMatchObject({ events: "7" })
  const client = await log().db.client()
  await refuseSharedInLog(client, all, {}, "nothing was restricted")
  await client.end()
  expect((await trail.eraseSubject(all, { ...why, confirm: "emp-2" })).receipt).toMatchObject({ events: "7" })
  expect(await count("actor_email ilike 'shared@%'")).toBe(0)
})

test("whom the address alone leads to is one person, if it is one", async () => {
  const { trail, db, count } = log()
  await db.query(
    "insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id, actor_email) values ('acme', '2026-02-03Z', 'a', 'emp-7', 'seven@x.example'), ('acme', '2026-02-03Z', 'a', null, 'seven@x.example')",
  )
  const seven = readIdentifiers("seven@x.example", ["email=seven@x.example"])
  expect((await trail.findSubject(seven)).limits.join()).not.toContain("alone")
  const done = await trail.eraseSubject(seven, { ...why, confirm: "seven@x.example" })
  expect(done.receipt).toMatchObject({ events: "2" })
  expect(await count("actor_id = 'emp-7'")).toBe(0)
})

test("in an archive too: it stays as it is, is told, and the erasure is not complete", async () => {
  const { trail, db, folder, path } = log()
  // The log has emp-2, and the archive somebody else with the address.
  await db.query(
    `insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id, actor_email) values ('acme', '2026-02-05Z', 'a', 'emp-9', 'nine@corp.example')`,
  )
  await db.query(
    `insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id, actor_email) values ('acme', '2026-03-05Z', 'a', 'emp-8', 'nine@corp.example')`,
  )
  const to = pathToFileURL(folder).href
  await db.query("select pgtrail.set_setting('retention-grace', '0d')")
  await trail.createArchives({ to, partition: "event_2026_02" })
  const emp8 = readIdentifiers("emp-8", ["email=nine@corp.example"])
  const one =
    "the e-mail address that is identifier 2 is not the subject's alone: 1 other actor, not given as an identifier, did 1 event with it"
  expect((await trail.findSubject(emp8)).limits.join()).toContain(`${one}: "emp-9" (1 event in "acme")`)
  expect(await failureOf(trail.exportSubject(emp8, { out: path("o"), format: "csv" }))).toMatchObject({
    message: one,
  })
  const done = await trail.eraseSubject(emp8, { ...why, confirm: "emp-8" })
  expect(done).toMatchObject({ complete: false, receipt: { events: "1" } })
  expect(done.receipt?.archives).toMatchObject([{ new_name: null, why: `nothing of it was changed: ${one}` }])
})
