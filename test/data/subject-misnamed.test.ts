// Slips in how a request names a person or an organization: they are refused or told, and "nothing is there" is no complete answer.
import { join } from "node:path"
import { expect, test } from "vitest"
import { describeSubjectExport } from "../../src/data/subject/describe-export.js"
import { readIdentifiers } from "../../src/data/subject/identifiers.js"
import { failureOf } from "./failure.js"
import { jane, subjectLogs } from "./subject-fixture.js"

const log = subjectLogs()
const why = { reason: "r", requestedBy: "w" }
const id = (value: string) => [{ kind: "id" as const, value }]

test("an organization that the log does not have is refused by whoever looks for a person, with the one that was meant", async () => {
  const { trail, erase, folder, db, path } = log()
  await trail.addPrivacyKey({ out: path("k1") })
  const keys = { ids: ["k1"], read: async () => "" }
  const organizations = ["acme", "gloxeb"]
  const out = join(folder, "out.csv")
  const acts = await db.query("select count(*) as n from pgtrail.act")
  for (const [work, nothing] of [
    [() => trail.findSubject(jane, { organizations }), "nothing was read"],
    [() => erase({ organizations }), "nothing was erased"],
    [() => erase({ organizations, dryRun: true }), "nothing was erased"],
    [
      () => trail.pseudonymize(jane, { ...why, organizations, keys, strategy: "hash" }),
      "nothing was changed",
    ],
    [() => trail.exportSubject(jane, { out, format: "csv", organizations }), "nothing was written"],
  ] as const) {
    expect(await failureOf(work())).toMatchObject({
      code: "not-found",
      message: 'the log has no event of the organization "gloxeb"',
      hint: `${nothing}; did you mean "globex"?`,
    })
  }
  expect(await db.query("select count(*) as n from pgtrail.act")).toEqual(acts)
})

test("an e-mail address that is given as the ID is told where events have it, and is no complete answer; given as what it is, it is", async () => {
  const { trail, db } = log()
  await db.query(
    "insert into pgtrail.event (organization_id, occurred_at, event_type, actor_email) values ('acme', '2026-02-01Z', 'a', 'Ann@x.example')",
  )
  const found = await trail.findSubject(id("ann@X.example"))
  const words =
    "the ID is an e-mail address, and was compared with actor_id alone: 1 event has it as actor_email: --also email="
  expect(found.limits).toContain(words)
  const options = { ...why, confirm: "ann@X.example" }
  const done = await trail.eraseSubject(id("ann@X.example"), options)
  expect(done).toMatchObject({ complete: false, receipt: { events: "0" } })
  expect(done.receipt?.limits).toContain(words)
  const both = [...id("ann@X.example"), { kind: "email", value: "ann@x.example" } as const]
  expect(await trail.eraseSubject(both, options)).toMatchObject({ complete: true, receipt: { events: "1" } })
  expect(
    await trail.eraseSubject(id("bob@nowhere.example"), { ...why, confirm: "bob@nowhere.example" }),
  ).toMatchObject({ complete: true })
})

test("an ID that events have in another case alone is told, and nothing of the other person is touched", async () => {
  const { trail, count } = log()
  const done = await trail.eraseSubject(id("U-JANE"), { ...why, confirm: "U-JANE" })
  expect(done).toMatchObject({ complete: false, receipt: { events: "0" } })
  expect(done.receipt?.limits.join()).toContain(
    "no event has the ID as its actor, and 8 events have it in another case",
  )
  expect(await count("e.actor_id = 'u-jane'")).toBe(8)
  expect((await trail.findSubject(id("u-jane"))).limits.join()).not.toContain("another case")
  expect(
    (await trail.findSubject(id("U-JANE"), { until: "2020-01-01T00:00:00Z" })).limits.join(),
  ).not.toContain("another case")
})

test("an export says which identifiers of the person were not given, in its statement and to whoever makes it, and repeats none", async () => {
  const { trail, folder } = log()
  const made = async (identifiers: Parameters<typeof trail.exportSubject>[0], name: string) =>
    (await trail.exportSubject(identifiers, { out: join(folder, name), format: "csv" })).manifest
  const manifest = await made(id("u-jane"), "a.csv")
  expect(manifest.searched).toMatchObject({
    ungiven: [
      { kind: "email", events: "8" },
      { kind: "name", events: "8" },
    ],
    misnamed: [],
  })
  expect(manifest.statement.join()).toContain("searched.ungiven")
  expect(describeSubjectExport(manifest, true)).toContain(
    "8 events have an e-mail address and 8 events have a name not given as an identifier",
  )
  expect(JSON.stringify(manifest)).not.toMatch(/o'neil/i)
  const whole = await made(jane, "b.csv")
  expect(whole.searched).toMatchObject({ ungiven: [], misnamed: [] })
  expect(whole.statement.join()).not.toContain("ungiven")
  const slip = await made(id("U-JANE"), "c.csv")
  expect(slip.counts.events).toBe("0")
  expect(slip.searched.misnamed).toEqual([expect.stringContaining("8 events have it in another case")])
  expect(describeSubjectExport(slip, true)).toContain("8 events have it in another case")
})

test("a role that may not make temporary tables of its own is told of slips too", async () => {
  const { db } = log()
  const [{ name, owner } = { name: "", owner: "" }] = await db.query(
    `select current_database() as name, p.proowner::regrole::text as owner from pg_proc p where p.proname = 'subject_stage'`,
  )
  await db.query(
    `revoke temporary on database ${name} from public; grant temporary on database ${name} to ${owner}`,
  )
  const privacy = await db.trail({ url: (await db.role({ memberOf: ["pgtrail_privacy"] })).url })
  expect((await privacy.findSubject(id("U-JANE"))).limits.join()).toContain("another case")
})

test("a name, a device and a session that events have in another case are told, and the erasure is not complete", async () => {
  const { trail, db, count } = log()
  await db.query(`insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id, actor_name, device_id, session_id) values
    ('acme', '2026-02-01Z', 'a', null, 'Nora O''Name', null, null), ('acme', '2026-02-01Z', 'a', null, null, 'AB-12', null),
    ('acme', '2026-02-01Z', 'a', null, null, null, 'cd-34'), ('acme', '2026-02-01Z', 'a', 'u-other', 'Nora O''Name', null, null)`)
  const nora = (name: string, device: string, session: string) =>
    readIdentifiers("zz", [`name=${name}`, `device=${device}`, `session=${session}`])
  const slips = ["name", "device", "session"].map(
    (kind) =>
      `1 event has the ${kind} in another case: names, devices and sessions are compared as they are written: --also ${kind}=`,
  )
  const options = { ...why, confirm: "zz" }
  for (const name of ["nora o'name", "NORA O'NAME"]) {
    const done = await trail.eraseSubject(nora(name, "ab-12", "CD-34"), options)
    expect(done).toMatchObject({ complete: false, receipt: { events: "0" } })
    expect(done.receipt?.limits).toEqual(expect.arrayContaining(slips))
  }
  expect((await trail.findSubject(nora("x", "y", "z"))).limits.join()).not.toContain("another case")
  const done = await trail.eraseSubject(nora("Nora O'Name", "AB-12", "cd-34"), options)
  expect(done).toMatchObject({ complete: true, receipt: { events: "3" } })
  expect(await count("actor_name = 'Nora O''Name'")).toBe(1)
})
