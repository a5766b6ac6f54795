// Finding a subject: what would be touched and what not, in the log and in archives, and never a value.
import { expect, test } from "vitest"
import { jane, janesWords, subjectLogs } from "./subject-fixture.js"

const log = subjectLogs()

const sum = (rows: readonly Readonly<Record<string, string>>[], name: string): number =>
  rows.reduce((all, row) => all + Number(row[name]), 0)

test("events are told by organization, month and type, and the fields that have the subject", async () => {
  const { trail, count } = log()
  const { found, archives, limits } = await trail.findSubject(jane)
  const rows = found.events as unknown as Record<string, string>[]
  expect(sum(rows, "as_actor")).toBe(await count("e.actor_id = 'u-jane'"))
  expect(sum(rows, "as_subject")).toBe(await count("e.resource_type = 'user' and e.resource_id = 'u-jane'"))
  expect(sum(rows, "events")).toBe(10)
  expect([...new Set(rows.map(({ month }) => month))]).toEqual(["2026-02", "2026-03"])
  expect(
    rows.find(
      ({ organization_id: name, event_type: type, month }) =>
        name === "acme" && type === "auth.login" && month === "2026-03",
    ),
  ).toBeDefined()
  const fields = found.fields.filter((field) => field.organization_id === "acme")
  expect(
    Object.fromEntries(fields.map(({ group, field, events }) => [`${group}.${field}`, events])),
  ).toMatchObject({
    "identity.actor_id": "4",
    "identity.actor_email": "4",
    "identity.ip_address": "4",
    "content.details": "4",
    "content.description": "1",
    "content.resource_id": "1",
    "content.tags": "1",
  })
  expect(archives).toEqual([])
  expect(limits.join()).toContain("--text")
})

test("nothing that is told repeats an identifier or a value, and nothing is recorded", async () => {
  const { trail, db } = log()
  const acts = await db.query("select count(*) as n from pgtrail.act")
  const answer = JSON.stringify(await trail.findSubject(jane, { inText: true })).toLowerCase()
  for (const word of janesWords) expect(answer).not.toContain(JSON.stringify(word.toLowerCase()).slice(1, -1))
  expect(await db.query("select count(*) as n from pgtrail.act")).toEqual(acts)
})

test("events that only name the subject are found with text alone", async () => {
  const { trail, db } = log()
  await db.query(`insert into pgtrail.event (organization_id, event_type, description, details) values
    ('acme', 'note', 'called jane.O''neil%x@example.org back', null), ('acme', 'note', null, '{"a": [{"b": "u-jane"}]}'), ('acme', 'note', 'u-janet', null)`)
  const events = async (inText: boolean) =>
    (await trail.findSubject(jane, { inText })).found.events.filter(({ event_type: type }) => type === "note")
  expect(await events(false)).toEqual([])
  expect(await events(true)).toMatchObject([{ events: "2", mentioned: "2", as_actor: "0", replaced: "2" }])
})

test("an organization, and a period, narrow what is searched, and that is told", async () => {
  const { trail } = log()
  const { found, limits } = await trail.findSubject(jane, {
    organizations: ["acme"],
    since: "2026-03-01T00:00:00Z",
    until: "2026-04-01T00:00:00Z",
  })
  expect(new Set(found.events.map(({ organization_id: name, month }) => `${name} ${month}`))).toEqual(
    new Set(["acme 2026-03"]),
  )
  expect(limits.join("\n")).toMatch(/other organizations.*\n.*from 2026-03-01/)
})

test("an identifier in a column that the chain needs as it is is told, and cannot be erased", async () => {
  const { trail, db, erase } = log()
  await db.query(
    "insert into pgtrail.event (organization_id, event_type, actor_id) values ('u-jane', 'a', 'u-jane')",
  )
  const { found, limits } = await trail.findSubject(jane)
  expect(found.fields.filter(({ group }) => group === "frame").map(({ field }) => field)).toEqual([
    "organization_id",
  ])
  expect(limits.join()).toContain("organization_id: an identifier stands there")
  const { receipt } = await erase()
  expect(receipt).toMatchObject({ frame: [{ field: "organization_id", events: "1" }], complete: false })
})

test("holds, laws and what does not verify are told apart, with the cases", async () => {
  const { trail, db } = log()
  await trail.addHold({ case: "C-1", reason: "r", organization: "globex" })
  await trail.addHold({ case: "C-2", reason: "r", organization: "globex", type: "auth" })
  await db.query("select pgtrail.add_subject_rule('keep', 'user', null, null, null, null, null)")
  const client = await db.client()
  await client.query("set session_replication_role = replica")
  await client.query(
    "update pgtrail.event set actor_name = 'x' where organization_id = 'acme' and actor_id = 'u-jane' and event_type = 'auth.login' and occurred_at < '2026-03-10Z'",
  )
  await client.end()
  const { found } = await trail.findSubject(jane)
  const of = (organization: string, name: "held" | "kept" | "unsound" | "replaced") =>
    sum(
      found.events.filter((row) => row.organization_id === organization) as unknown as Record<
        string,
        string
      >[],
      name,
    )
  expect(of("globex", "held")).toBe(5)
  expect(of("globex", "replaced")).toBe(0)
  expect(of("acme", "unsound")).toBe(1)
  expect(of("acme", "kept")).toBeGreaterThan(0)
  expect(found.cases).toEqual([
    { case_id: "C-1", events: "5" },
    { case_id: "C-2", events: expect.stringMatching(/^[1-4]$/) },
  ])
})

test("detached partitions are searched too, and their events erased", async () => {
  const { trail, erase, traces, intact } = log()
  const before = await trail.findSubject(jane)
  await trail.detachPartition("event_2026_02", "r")
  expect((await trail.findSubject(jane)).found.events).toEqual(before.found.events)
  await erase()
  expect(await traces(...janesWords)).toEqual([])
  await intact()
})

test("archives are searched and written anew; one that cannot be read is listed with the day until which it is kept", async () => {
  const { trail, erase, folder, db, path } = log()
  const { pathToFileURL } = await import("node:url")
  const to = pathToFileURL(folder).href
  await db.query("select pgtrail.set_setting('retention-grace', '0d')")
  const live = await trail.findSubject(jane)
  await trail.createArchives({ to, partition: "event_2026_02" })
  const moved = await trail.findSubject(jane)
  expect(moved.archives).toMatchObject([{ searched: true, why: null }])
  const inside = moved.archives[0]?.found.events ?? []
  expect(sum([...moved.found.events, ...inside] as unknown as Record<string, string>[], "events")).toBe(
    sum(live.found.events as unknown as Record<string, string>[], "events"),
  )
  expect((await trail.findSubject(jane, { archives: false })).limits.join()).toContain(
    "archives were not searched",
  )

  const { rename } = await import("node:fs/promises")
  const name = moved.archives[0]?.archive ?? ""
  // Not beside it, where it would be one of which no act tells.
  await rename(path(name), `${folder}-away`)
  const without = await erase()
  expect(without.complete).toBe(false)
  expect(without.receipt?.archives).toMatchObject([
    { archive: name, new_name: null, why: expect.any(String) },
  ])
  await rename(`${folder}-away`, path(name))
  const done = await erase()
  expect(done.receipt?.archives).toMatchObject([{ archive: name, new_name: expect.any(String), why: null }])
  expect(done.complete).toBe(true)
  expect((await trail.findSubject(jane)).archives).toEqual([])
})

test("a subject that was pseudonymized is found by the key, and erased with the pseudonym", async () => {
  const { trail, erase, path, db, count } = log()
  const { readFile } = await import("node:fs/promises")
  const { key_id: id } = await trail.addPrivacyKey({ out: path("key") })
  const keys = { ids: [id], read: async () => readFile(path("key"), "utf8") }
  await trail.pseudonymize(jane, { strategy: "token", reason: "r", requestedBy: "w", keys })
  expect((await trail.findSubject(jane, { archives: false })).found.events).toEqual([])
  const found = await trail.findSubject(jane, { keys })
  expect(Number(found.pseudonyms)).toBeGreaterThan(0)
  expect(sum(found.found.events as unknown as Record<string, string>[], "as_actor")).toBe(8)
  await erase({ keys })
  expect(await count("e.actor_id like 'p1:%' or e.actor_name like 'p1:%'")).toBe(0)
  expect(await db.query("select from pgtrail.pseudonym")).toEqual([])
  expect((await erase({ keys })).receipt).toMatchObject({ act: null, complete: true })
})
