// What a person is given of the log: his events, whole, and nothing that is another's.
import { createHash } from "node:crypto"
import { existsSync, readdirSync, readFileSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { splitNote } from "../../src/data/checkpoint/note.js"
import { fieldsOf, RowCutter } from "../../src/data/export/csv.js"
import { verifyManifest } from "../../src/data/export/note.js"
import type { Identifier, SubjectExport, SubjectExportOptions, Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { runBlocking } from "./blocking.js"
import { folder, keyPair } from "./checkpoint-fixture.js"
import { hostile } from "./export-fixture.js"
import { failureOf } from "./failure.js"

const { path, remove } = folder()
let db: TestDatabase
let trail: Trail

const ann: readonly Identifier[] = [
  { kind: "id", value: "u-ann" },
  { kind: "email", value: "Ann@Example.org" },
]

beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  await db.query("select pgtrail.create_months('2026-06-01', '2026-09-01')")
  await db.query("select pgtrail.add_subject_rule('resource', null, 'user')")
  await db.query("select pgtrail.add_subject_rule('path', 'user', null, array['after_state', 'email'])")
  await db.query("select pgtrail.add_subject_rule('path', 'user', null, array['after_state', 'ages', '*'])")
  const event = (seq: number, values: Readonly<Record<string, unknown>>) => {
    const all = {
      organization_id: "acme",
      event_type: "user.update",
      occurred_at: `2026-07-${10 + seq}Z`,
      ...values,
    }
    const names = Object.keys(all)
    return db.query(
      `insert into pgtrail.event (${names.join(", ")}) values (${names.map((_, at) => `$${at + 1}`).join(", ")})`,
      Object.values(all).map((value) => (typeof value === "object" ? JSON.stringify(value) : value)),
    )
  }
  const self = {
    actor_id: "u-ann",
    actor_name: "Ann",
    actor_email: "ann@example.ORG",
    ip_address: "10.0.0.9",
    user_agent: "agent of ann",
    signature: "signed",
  }
  const bob = { actor_id: "u-bob", actor_name: "Bob", actor_email: "bob@example.org", ip_address: "10.0.0.7" }
  await event(1, {
    ...self,
    description: "wrote to Bob",
    details: { note: "about Bob", me: "u-ann", n: 1, hash: "0a0b" },
  })
  await event(2, {
    ...bob,
    resource_type: "user",
    resource_id: "u-ann",
    resource_name: "Ann",
    details: { hash: "of bob" },
  })
  await event(3, {
    ...self,
    resource_type: "user",
    resource_id: "u-bob",
    resource_name: "Bob",
    after_state: { email: "bob@example.org", ages: [44, null], plan: "gold" },
  })
  await event(4, {
    ...self,
    resource_type: "user",
    resource_id: "u-ann",
    after_state: { email: "old@example.org", ages: [30], plan: "gold" },
  })
  await event(5, { ...bob, description: "nothing of hers" })
  await event(6, { actor_id: "u-eve", actor_name: "Eve", ip_address: "10.0.0.9" })
  await event(7, {
    ...self,
    organization_id: "globex",
    occurred_at: "1999-01-01Z",
    resource_type: "document",
    resource_id: "d1",
    resource_name: "Plan",
  })
  for (const [at, value] of hostile.entries()) {
    await db.query(
      `insert into pgtrail.event (organization_id, event_type, actor_id, actor_name, description, details, tags, occurred_at)
       values ('odd', 'a.b', 'u-odd', $1, $1, jsonb_build_object('v', $1::text, $2::text, array[1.10, 2]), array[$1, null, 'b'], $3)`,
      [value, value.slice(0, 50), `2026-08-10 12:00:00.${at + 10}Z`],
    )
  }
})
afterAll(async () => {
  await db?.drop()
  remove()
})

const give = (out: string, options: Partial<SubjectExportOptions> = {}, whom = ann): Promise<SubjectExport> =>
  trail.exportSubject(whom, { out: path(out), ...options })

type Row = Record<string, unknown>

const json = (out: string): Row[] => JSON.parse(readFileSync(path(out), "utf8")).events

function csv(file: string): Record<string, string | null>[] {
  const rows: (string | null)[][] = []
  new RowCutter((bytes, start, end) => rows.push(fieldsOf(bytes.toString("utf8", start, end)) ?? [])).push(
    readFileSync(file),
  )
  const [names = [], ...others] = rows
  return others.map((row) => Object.fromEntries(names.map((name, at) => [name ?? "", row[at] ?? null])))
}

const placed = (rows: readonly Row[]) =>
  rows.map(({ organization_id, seq, found_as }) => `${organization_id}/${seq} ${found_as}`)

test("the events in which he acted and those about him are given, of all organizations, and no others", async () => {
  const { manifest } = await give("whose.json")
  expect(placed(json("whose.json")).sort()).toEqual([
    "acme/1 actor",
    "acme/2 subject",
    "acme/3 actor",
    "acme/4 actor subject",
    "globex/1 actor",
  ])
  expect(manifest.counts).toMatchObject({ events: "5", as_actor: "4", as_subject: "2", mentioned: "0" })
})

test("who others are and what is theirs is masked, and what is his own is not", async () => {
  const { manifest } = await give("masked.json", { includeText: true })
  const events = new Map(json("masked.json").map((row) => [`${row.organization_id}/${row.seq}`, row]))
  const masked = "[other person]"
  expect(events.get("acme/1")).toMatchObject({
    actor_name: "Ann",
    ip_address: "10.0.0.9",
    description: "wrote to Bob",
    details: { note: "about Bob", me: "u-ann", n: 1, hash: "0a0b" },
  })
  expect(events.get("acme/2")).toMatchObject({
    actor_id: masked,
    actor_name: masked,
    actor_email: masked,
    ip_address: masked,
    user_agent: null,
    resource_id: "u-ann",
    resource_name: "Ann",
    details: { hash: masked },
  })
  expect(events.get("acme/3")).toMatchObject({
    actor_id: "u-ann",
    resource_id: masked,
    resource_name: masked,
    after_state: { email: masked, ages: [masked, null], plan: "gold" },
  })
  expect(events.get("acme/4")).toMatchObject({
    resource_id: "u-ann",
    after_state: { email: "old@example.org", ages: [30], plan: "gold" },
  })
  expect(events.get("globex/1")).toMatchObject({ resource_id: "d1", resource_name: "Plan" })
  expect(manifest.counts.masked).toBe("2")
  const whole = readFileSync(path("masked.json"), "utf8")
  for (const word of ["u-bob", "bob@example.org", "10.0.0.7", "of bob", "signed", "salt", "digest"]) {
    expect(whole).not.toContain(word)
  }
})

test("text that may name others is withheld and listed for a human, but what is an identifier of his", async () => {
  const { manifest } = await give("review")
  const rows = csv(path("review/events.csv"))
  const first = rows.find(({ organization_id, seq }) => organization_id === "acme" && seq === "1")
  expect(first?.description).toBe("[for review]")
  expect(first?.details).toBe('{"n": 1, "me": "u-ann", "hash": "[for review]", "note": "[for review]"}')
  expect(readFileSync(path("review/review.csv"), "utf8").split("\n").sort().slice(1)).toEqual([
    "acme,0,1,description",
    "acme,0,1,details",
    "acme,0,3,after_state",
    "acme,0,4,after_state",
    "organization_id,lane,seq,column",
  ])
  expect(manifest.counts).toMatchObject({ review_events: "3", review_values: "5" })
  expect(manifest.text).toBe("withheld")
  expect(readFileSync(path("review/README.txt"), "utf8")).toContain("[for review]")
})

test("an address that others share makes no event his, and nobody's name where he is looked for in text", async () => {
  const shared: readonly Identifier[] = [...ann, { kind: "ip", value: "10.0.0.9" }]
  const { manifest } = await give("shared.json", {}, shared)
  expect(manifest.counts.events).toBe("5")
  await give("shared-text.json", { inText: true }, shared)
  const eve = json("shared-text.json").find(({ seq }) => seq === "6")
  expect(eve).toMatchObject({
    found_as: "mentioned",
    actor_id: "[other person]",
    actor_name: "[other person]",
    ip_address: "10.0.0.9",
  })
})

test("JSON, CSV and XML say the same of the most hostile values, and of none anything else", async () => {
  const odd: readonly Identifier[] = [{ kind: "id", value: "u-odd" }]
  for (const out of ["odd.json", "odd.csv", "odd.xml"]) await give(out, { includeText: true }, odd)
  const [inJson, inCsv] = [json("odd.json"), csv(path("odd.csv"))]
  expect(inJson.map(({ description }) => description)).toEqual([...hostile])
  expect(inCsv.map(({ description }) => description)).toEqual([...hostile])
  expect(inCsv.map(({ details }) => JSON.parse(details ?? "").v)).toEqual([...hostile])
  expect(inJson.map(({ details }) => details)).toEqual(inCsv.map(({ details }) => JSON.parse(details ?? "")))
  expect(inJson.map(({ tags }) => (tags as string[])[0])).toEqual([...hostile])
  expect(inJson.map(({ occurred_at }) => occurred_at)).toEqual(inCsv.map(({ occurred_at }) => occurred_at))
  const xml = readFileSync(path("odd.xml"), "utf8").trimEnd().split("\n")
  expect(xml.filter((line) => line.startsWith("<event><found_as>actor</found_as>"))).toHaveLength(
    hostile.length,
  )
  expect(xml.at(-1)).toBe("</events>")
})

test("withheld text leaves no byte of the most hostile values behind", async () => {
  const { manifest } = await give("withheld.csv", {}, [{ kind: "id", value: "u-odd" }])
  const rows = csv(path("withheld.csv"))
  expect(rows).toHaveLength(hostile.length)
  for (const [at, { description, details }] of rows.entries()) {
    const value = hostile[at] === "" ? "" : "[for review]"
    expect([description, JSON.parse(details ?? "").v]).toEqual([value, value])
  }
  expect(manifest.counts.review_values).toBe(String(2 * (hostile.length - 1)))
})

test("only what was asked for: organization, time", async () => {
  await give("org.json", { organizations: ["globex"] })
  expect(placed(json("org.json"))).toEqual(["globex/1 actor"])
  await give("time.json", { since: "2026-07-12Z", until: "2026-07-14Z" })
  expect(placed(json("time.json"))).toEqual(["acme/2 subject", "acme/3 actor"])
})

test("text names him too where it is searched", async () => {
  await give("text.json", { inText: true }, [{ kind: "id", value: "nothing of hers" }])
  expect(json("text.json")).toMatchObject([
    { found_as: "mentioned", actor_id: "[other person]", description: "nothing of hers" },
  ])
})

test("what was rectified is given as right, though somebody else entered it", async () => {
  await db.query(
    "insert into pgtrail.event (organization_id, event_type, actor_id, actor_email, occurred_at) values ('right', 'a.b', 'u-right', 'old@example.org', '2026-07-20Z')",
  )
  await trail.rectifyEvent(
    { organization: "right", lane: "0", seq: "1" },
    { set: new Map([["actor_email", '"new@example.org"']]), reason: "a request", requestedBy: "dpo" },
  )
  await give("right.json", {}, [{ kind: "id", value: "u-right" }])
  const rectified = json("right.json").find(({ event_type: type }) => type === "gdpr.rectified")
  expect(rectified).toMatchObject({ found_as: "subject", after_state: { actor_email: "new@example.org" } })
})

describe("what lies with it", () => {
  test("the manifest has the sha256 of each file, is signed, recorded as an act, and names nobody", async () => {
    const pair = keyPair("audit")
    const made = await give("signed", {
      key: pair.secret,
      texts: { purposes: "to prove what was done", controller: "ACME" },
    })
    expect(readdirSync(path("signed")).sort()).toEqual(
      ["README.txt", "events.csv", "manifest.json", "manifest.json.sig", "review.csv"].sort(),
    )
    for (const { name, sha256, bytes } of made.manifest.files) {
      const data = readFileSync(join(path("signed"), name))
      expect([name, createHash("sha256").update(data).digest("hex"), String(data.length)]).toEqual([
        name,
        sha256,
        bytes,
      ])
    }
    const text = readFileSync(path("signed/manifest.json"))
    const sha256 = createHash("sha256").update(text).digest("hex")
    const { log_id: logId, created_at: time } = made.manifest
    const note = readFileSync(path("signed/manifest.json.sig"), "utf8")
    expect(splitNote(note)).toBeDefined()
    expect(verifyManifest(note, { logId, sha256, time }, [pair.verifier])).toBe(pair.verifier)
    const [act] = await db.query(
      "select parameters::text, encode(digest, 'hex') as digest from pgtrail.act where seq = $1",
      [made.act],
    )
    expect(act?.digest).toBe(sha256)
    expect(JSON.parse(act?.parameters ?? "")).toMatchObject({
      kind: "subject",
      format: "csv",
      events: 5,
      filters: ["id", "email"],
    })
    for (const written of [
      text.toString(),
      act?.parameters ?? "",
      readFileSync(path("signed/README.txt"), "utf8"),
    ]) {
      expect(written.toLowerCase()).not.toMatch(/ann@example|u-ann|bob/)
    }
    expect(readFileSync(path("signed/README.txt"), "utf8")).toContain("to prove what was done")
    expect(made.manifest).toMatchObject({
      information: { purposes: "to prove what was done", recipients: null },
      retention: [{ kind: "policy", name: "standard", keep_days: "2555" }],
    })
    expect(await trail.verify()).toMatchObject({ verdict: "intact" })
  })

  test("a single file has its manifest and its review beside it", async () => {
    const { manifest, manifest_name } = await give("beside.xml")
    expect(
      readdirSync(path("."))
        .filter((name) => name.startsWith("beside"))
        .sort(),
    ).toEqual(["beside.xml", "beside.xml.manifest.json", "beside.xml.review.csv"])
    expect(manifest.files.map(({ name }) => name)).toEqual(["beside.xml", "beside.xml.review.csv"])
    expect(manifest_name).toBe("beside.xml.manifest.json")
  })

  test("a request of the register gets the act, and one that is not there is refused", async () => {
    const [added] = await db.query(
      "select * from pgtrail.add_request('access', now(), null, null) as request (request_id)",
    )
    const request = added?.request_id ?? ""
    const { act, manifest } = await give("request.csv", { request })
    expect(manifest.request).toBe(request)
    expect(
      await db.query("select acts::text from pgtrail.subject_request where request_id = $1", [request]),
    ).toEqual([{ acts: `{${act}}` }])
    const error = await failureOf(give("no-request", { request: "nobody's" }))
    expect([error.code, existsSync(path("no-request"))]).toEqual(["not-found", false])
  })
})

describe("what it refuses", () => {
  test("writes over nothing, and leaves nothing behind", async () => {
    await give("twice.csv")
    const before = readdirSync(path(".")).sort()
    expect((await failureOf(give("twice.csv"))).code).toBe("usage")
    expect((await failureOf(give("form.json", { format: "xml" }))).code).toBe("usage")
    expect((await failureOf(trail.exportSubject([], { out: path("nobody") }))).code).toBe("usage")
    expect(readdirSync(path(".")).sort()).toEqual(before)
  })

  test.each(["u-ann.txt", "ann.PDF", "ann.xlsx", "ann.ndjson", "a.b.7z", "ann@example.org"])(
    "a name that ends as a file of another form is no folder: %s",
    async (name) => {
      const { code, message, hint } = await failureOf(give(name))
      expect(code).toBe("usage")
      expect(message).toContain(".json, .csv or .xml")
      expect(hint).toMatch(/^nothing was read; .* or a folder: write \/ behind it$/)
      expect(message + hint).not.toContain("ann")
      expect(existsSync(path(name))).toBe(false)
    },
  )

  test("a year, a slash behind the name, or a folder that is there make it none; forms are told in capitals too", async () => {
    for (const out of ["request-2026.11", "ann.doc/", "ann.json/"]) {
      await give(out)
      expect(readdirSync(path(out))).toContain("README.txt")
    }
    const { code, message } = await failureOf(give("ann.doc"))
    expect([code, message]).toEqual(["usage", expect.stringContaining("ann.doc")])
    for (const form of ["JSON", "Csv", "XML"]) {
      expect((await give(`capitals.${form}`)).manifest.format).toBe(form.toLowerCase())
      expect(readdirSync(path("."))).toEqual(
        expect.arrayContaining([`capitals.${form}`, `capitals.${form}.manifest.json`]),
      )
    }
  })

  test("where a link lies that leads nowhere nothing is recorded of files that could not be placed", async () => {
    symlinkSync("nowhere", path("dangling"))
    const acts = () => db.query("select count(*) from pgtrail.act where kind = 'export'")
    const before = await acts()
    const { code, message } = await failureOf(give("dangling"))
    expect([code, message]).toEqual(["usage", expect.stringContaining("is there already")])
    expect(await acts()).toEqual(before)
  })

  test("only pgtrail_privacy is given people's events", async () => {
    const before = readdirSync(path(".")).length
    for (const group of ["writer", "reader", "auditor", "operator"]) {
      const { url } = await db.role({ memberOf: [`pgtrail_${group}`] })
      const theirs = await db.trail({ url })
      const error = await failureOf(theirs.exportSubject(ann, { out: path(`as-${group}`) }))
      expect([group, error.code]).toEqual([group, "privilege"])
    }
    expect(readdirSync(path(".")).length).toBe(before)
    const { url } = await db.role({ memberOf: ["pgtrail_privacy"] })
    const made = await (await db.trail({ url })).exportSubject(ann, { out: path("as-privacy") })
    expect(made.manifest.counts.events).toBe("5")
  })

  test("what was erased while it was read does not leave", async () => {
    const erase = `select pgtrail.subject_stage(); insert into pg_temp.pgtrail_subject values ('id', 'u-gone');
      select pgtrail.redact_begin(); select pgtrail.find_subject(p.name) from pgtrail.partitions() p;
      select pgtrail.redact_partition(p.name, 'erase', null) from pgtrail.partitions() p;
      select pgtrail.record_redaction('erase', 'a request', 'her')`
    await db.query(
      "insert into pgtrail.event (organization_id, event_type, actor_id, occurred_at) values ('acme', 'a.b', 'u-gone', '2026-07-20Z')",
    )
    let erased = 0
    const progress = () => {
      if (erased++ === 0) runBlocking(db.url, erase)
    }
    const error = await failureOf(give("gone", { progress }, [{ kind: "id", value: "u-gone" }]))
    expect([error.code, existsSync(path("gone"))]).toEqual(["retry", false])
    const { manifest } = await give("gone", {}, [{ kind: "id", value: "u-gone" }])
    expect(manifest.counts.events).toBe("0")
  })
})
