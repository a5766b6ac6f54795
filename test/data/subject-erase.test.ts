// Erasing a subject: nothing of him is left, what must stay stays and is told, and the log verifies.
import { readFileSync, writeFileSync } from "node:fs"
import { stat } from "node:fs/promises"
import { expect, test } from "vitest"
import { failureOf } from "./failure.js"
import { testKey } from "./signing.js"
import { jane, janesWords, subjectLogs } from "./subject-fixture.js"

const log = subjectLogs()

test("an erased subject is in no table, and the log verifies", async () => {
  const { erase, traces, intact, count } = log()
  expect(await traces(...janesWords)).toContain("pgtrail.event")
  const before = await count("true")
  const done = await erase()
  expect(done.receipt).toMatchObject({
    events: "10",
    method: "logical",
    held: { events: "0" },
    unsound: "0",
    frame: [],
  })
  expect(done.complete).toBe(true)
  expect(await traces(...janesWords)).toEqual([])
  expect(await count("true")).toBe(before)
  expect(await count("e.actor_id is null and e.identity_digest is not null")).toBe(8)
  await intact()
})

test("a second erasure finds nothing, and records nothing", async () => {
  const { erase, db } = log()
  await erase()
  const [{ n: acts } = {}] = await db.query("select count(*) as n from pgtrail.act")
  const again = await erase()
  expect(again.receipt).toMatchObject({ act: null, events: "0", complete: true })
  expect((await db.query("select count(*) as n from pgtrail.act"))[0]?.n).toBe(acts)
})

test("the receipt of a run that finishes what one without a receipt began names the act of that one, and its request has it", async () => {
  const { erase, db } = log()
  const [{ id } = {}] = await db.query("select pgtrail.add_request('erasure', now(), null, null) as id")
  const killed = await erase({ request: id ?? "" })
  await db.query("set session_replication_role = replica; update pgtrail.subject_request set acts = '{}'")
  const { receipt } = await erase({ request: id ?? "" })
  expect(receipt).toMatchObject({ act: null, events: "0" })
  expect(receipt?.earlier).toEqual([
    {
      act: killed.receipt?.act,
      time: expect.stringMatching(/^20.*Z$/),
      events: "10",
      fields: expect.arrayContaining([{ field: "actor_id", events: "8" }]),
      archive: null,
    },
  ])
  const [{ acts } = {}] = await db.query("select acts from pgtrail.subject_request")
  expect(acts).toBe(`{${killed.receipt?.act}}`)
  // Of another request nothing is told, and of none neither.
  expect((await erase()).receipt?.earlier).toEqual([])
})

test("a file that is no register is refused before anything is erased: nobody could erase again by what is behind it", async () => {
  const { erase, path, count } = log()
  const acts = () => log().db.query("select count(*) from pgtrail.act")
  const before = [await acts(), await count("e.actor_id = 'u-jane'")]
  for (const content of ["notes of the DPO\n", "{}\n", '{"schema":"pgtrail.erasure_receipt/1"}\n']) {
    writeFileSync(path("notes"), content)
    const refused = await failureOf(erase({ register: path("notes") }))
    expect(refused).toMatchObject({ code: "usage", message: expect.stringContaining("is no register") })
    expect(refused.hint).toMatch(/^nothing was erased; /)
    expect(readFileSync(path("notes"), "utf8")).toBe(content)
  }
  expect([await acts(), await count("e.actor_id = 'u-jane'")]).toEqual(before)
  // Half of a line, as a run that was killed left it, and nothing at all are the beginning of one.
  for (const content of ['{"schema":"pgtr', ""]) {
    writeFileSync(path("r"), content)
    expect((await erase({ register: path("r"), organizations: ["acme"] })).receipt).not.toBeNull()
  }
})

test("by the register and its key the receipt names what was erased of the same subject before, and of no other", async () => {
  const { erase, path, read, trail } = log()
  const { key_id: id } = await trail.addPrivacyKey({ out: path("key") })
  const keys = { ids: [id], read: () => read("key") }
  const other = await trail.eraseSubject([{ kind: "id", value: "u-1" }], {
    ...{ reason: "r", requestedBy: "w", confirm: "u-1", register: path("r"), keys },
  })
  const killed = await erase({ register: path("r"), keys })
  expect([other.receipt?.earlier, killed.receipt?.earlier]).toEqual([[], []])
  const { receipt } = await erase({ register: path("r"), keys })
  expect(receipt?.earlier.map(({ act, events }) => [act, events])).toEqual([[killed.receipt?.act, "10"]])
})

test("a dry run changes nothing, and says what the erasure then does", async () => {
  const { erase, db, traces } = log()
  const dump = () => db.query("select e.* from pgtrail.event e order by 1")
  const before = await dump()
  const { would, receipt } = await erase({ dryRun: true, confirm: undefined })
  expect(receipt).toBeNull()
  expect(await dump()).toEqual(before)
  const done = await erase()
  const sum = (name: "replaced" | "events") =>
    String(would?.found.events.reduce((all, row) => all + Number(row[name]), 0))
  expect(sum("replaced")).toBe(done.receipt?.events)
  expect(await traces(...janesWords)).toEqual([])
})

test("what a hold is on stays, by its case, and the erasure is not complete", async () => {
  const { erase, trail, count, intact } = log()
  await trail.addHold({
    case: "C-1",
    reason: "r",
    organization: "globex",
    since: "2026-02-01Z",
    until: "2026-03-01Z",
  })
  const held = await count(
    "e.actor_id = 'u-jane' and e.organization_id = 'globex' and e.occurred_at >= '2026-02-01Z' and e.occurred_at < '2026-03-01Z'",
  )
  expect(held).toBeGreaterThan(0)
  const { receipt, complete } = await erase()
  expect(complete).toBe(false)
  expect(Number(receipt?.held.events)).toBeGreaterThanOrEqual(held)
  expect(receipt?.held.cases).toEqual([{ case_id: "C-1", events: receipt?.held.events }])
  expect(await count("e.actor_id = 'u-jane'")).toBe(held)
  await trail.releaseHold("C-1", { reason: "over" })
  expect((await erase()).complete).toBe(true)
  expect(await count("e.actor_id = 'u-jane'")).toBe(0)
  await intact()
})

test("a restriction and a hold that name the subject are told; the one is to be lifted, and of the other the names go once it is over", async () => {
  const { erase, trail, db, intact } = log()
  const client = await db.client()
  await client.query("begin; select pgtrail.subject_stage()")
  await client.query("insert into pg_temp.pgtrail_subject values ('id', 'u-jane')")
  const { rows } = await client.query("select pgtrail.restrict_subject(null, 'r', 'w', null) as act")
  await client.query("commit")
  await client.end()
  await trail.addHold({ case: "C", reason: "r", actor: "u-jane", until: "2000-01-01Z" })
  const lift = expect.stringContaining(`pgtrail gdpr unrestrict --act ${rows[0].act}`)
  const first = await erase()
  expect(first.receipt?.named).toEqual([
    lift,
    expect.stringMatching(/case C\) .*release it, and erase again/),
  ])
  expect(first.complete).toBe(false)
  await trail.releaseHold("C", { reason: "over" })
  const second = await erase()
  expect(second.receipt).toMatchObject({ named: [lift], proof: [] })
  await db.query(`select pgtrail.unrestrict_subject(${rows[0].act}, 'r', 'w', null)`)
  const third = await erase()
  expect(third.receipt).toMatchObject({ named: [], proof: [] })
  expect(third.complete).toBe(true)
  await intact()
})

test("an erasure answers its request, and is refused for one that is not there or is closed", async () => {
  const { erase, db, count } = log()
  const [{ id } = {}] = await db.query("select pgtrail.add_request('erasure', now(), null, null) as id")
  await erase({ request: id ?? "" })
  const [{ acts } = {}] = await db.query("select acts from pgtrail.subject_request")
  const [{ seq } = {}] = await db.query("select seq from pgtrail.act where kind = 'redact'")
  expect(acts).toBe(`{${seq}}`)
  await db.query(
    "insert into pgtrail.event (organization_id, event_type, actor_id) values ('acme', 'a', 'u-jane')",
  )
  await db.query("select pgtrail.close_request($1, 'done', 'dpo', null, null)", [id])
  expect(await failureOf(erase({ request: id ?? "" }))).toMatchObject({ code: "usage" })
  expect(await failureOf(erase({ request: "none" }))).toMatchObject({ code: "not-found" })
  expect(await count("e.actor_id = 'u-jane'")).toBe(1)
})

test("what a law keeps gets one token an organization, and its reason is told", async () => {
  const { erase, db, count, intact, traces } = log()
  await db.query("select pgtrail.add_subject_rule('keep', 'auth', null, null, null, null, null)")
  const { receipt } = await erase()
  expect(receipt?.kept).toHaveLength(1)
  expect(receipt?.kept[0]?.law).toMatch(/^rule \d+$/)
  const tokens = await db.query(
    "select distinct e.organization_id, e.actor_id from pgtrail.event e where e.actor_id like 'p1:%' order by 1",
  )
  expect(tokens.map(({ organization_id }) => organization_id)).toEqual(["acme", "globex"])
  expect(new Set(tokens.map(({ actor_id }) => actor_id)).size).toBe(2)
  expect(
    await count("e.actor_id is null and e.event_type = 'auth.login' and e.identity_digest is not null"),
  ).toBe(0)
  expect(await traces(...janesWords)).toEqual([])
  await intact()
})

test("the receipt is its user's alone, is signed, and names nobody", async () => {
  const { erase, path, read } = log()

  const done = await erase({
    receipt: path("receipt.json"),
    key: testKey("privacy").text,
    backupsKeptDays: 30,
  })
  const text = await read("receipt.json")
  expect((await stat(path("receipt.json"))).mode & 0o777).toBe(0o600)
  expect(JSON.parse(text)).toEqual(done.receipt)
  for (const word of janesWords) expect(text.toLowerCase()).not.toContain(word.toLowerCase())
  expect(await read("receipt.json.sig")).toMatch(/^pgtrail receipt\n/)
  expect(done.receipt?.copies.backups_until).toMatch(/^\d{4}-/)
})

test.each([
  ["without the confirmation", { confirm: undefined }],
  ["with another confirmation", { confirm: "u-john" }],
  ["without a reason", { reason: " " }],
  ["with a reason that names the subject", { reason: "as u-jane asked" }],
  ["asked for by the subject's address", { requestedBy: "JANE.O'Neil%x@example.org" }],
  ["with a receipt that is there already", { receipt: "/etc/hostname" }],
])("an erasure %s changes nothing, and the words repeat no identifier", async (_, options) => {
  const { erase, count } = log()
  const before = await count("e.actor_id = 'u-jane'")
  const error = await failureOf(erase(options))
  expect(error).toMatchObject({ code: "usage" })
  for (const word of janesWords) {
    expect(`${error.message} ${error.hint}`.toLowerCase()).not.toContain(word.toLowerCase())
  }
  expect(await count("e.actor_id = 'u-jane'")).toBe(before)
})

test("writer, reader, auditor and operator can neither find nor erase", async () => {
  const { db, count } = log()
  for (const right of ["writer", "reader", "auditor", "operator"]) {
    const role = await db.role({ memberOf: [`pgtrail_${right}`] })
    const trail = await db.trail({ url: role.url })
    await expect(trail.findSubject(jane), right).rejects.toMatchObject({ code: "privilege" })
    await expect(
      trail.eraseSubject(jane, { reason: "r", requestedBy: "w", confirm: "u-jane" }),
      right,
    ).rejects.toMatchObject({ code: "privilege" })
  }
  expect(await count("e.actor_id = 'u-jane'")).toBe(8)
})

test("who answers requests of people, and is nothing else, finds and erases", async () => {
  const { db, traces, intact } = log()
  const role = await db.role({ memberOf: ["pgtrail_privacy"] })
  const trail = await db.trail({ url: role.url })
  const found = await trail.findSubject(jane)
  expect(found.found.events.length).toBeGreaterThan(0)
  const done = await trail.eraseSubject(jane, {
    reason: "r",
    requestedBy: "w",
    confirm: "u-jane",
    physical: true,
  })
  expect(done.receipt?.failed).toEqual([])
  expect(await traces(...janesWords)).toEqual([])
  await intact()
})
