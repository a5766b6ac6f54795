// A restriction (Article 18): whose events it hides, from whom, and that nothing else changes.
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { TrailError } from "../../src/data/errors.js"
import type { Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { folder } from "./checkpoint-fixture.js"
import { failureOf } from "./failure.js"

const { path, remove } = folder()
let db: TestDatabase
let owner: Trail
let reader: Trail
let privacy: Trail
let auditor: Trail
let bound: Trail

/** Stands in every value of hers, in one of two Unicode forms, and in nothing else. */
const eve = "xéve"
const decomposed = eve.normalize("NFD")
const identifiers = [
  { kind: "id", value: eve },
  { kind: "email", value: `${eve}@EXAMPLE.com` },
  { kind: "ip", value: "203.0.113.77" },
  { kind: "resource", value: `account/${eve}` },
] as const
const why = { reason: "accuracy contested", requestedBy: "DPO" }

beforeAll(async () => {
  db = await testDatabase()
  owner = await db.trail()
  const as = async (group: string): Promise<Trail> =>
    db.trail({ url: (await db.role({ memberOf: [group] })).url })
  reader = await as("pgtrail_reader")
  privacy = await as("pgtrail_privacy")
  auditor = await as("pgtrail_auditor")
  const one = await db.role()
  await owner.grant({ right: "reader", role: one.name, organizations: ["acme"] })
  bound = await db.trail({ url: one.url })
  await owner.addSubjectRule({ kind: "resource", resourceType: "user" })
  await owner.addSubjectRule({ kind: "path", path: ["details", "users", "*", "mail"], eventType: "mail" })
  await owner.append([
    { organization_id: "acme", event_type: "auth.login.failed", actor_id: "bob", outcome: "failure" },
    {
      organization_id: "acme",
      event_type: "auth.login.failed",
      actor_id: eve,
      outcome: "failure",
      request_id: "r1",
      resource_type: "doc",
      resource_id: "d1",
    },
    {
      organization_id: "acme",
      event_type: "doc.read",
      actor_id: "bob",
      resource_type: "user",
      resource_id: decomposed,
    },
    {
      organization_id: "acme",
      event_type: "doc.read",
      actor_id: "bob",
      resource_type: "account",
      resource_id: eve,
    },
    {
      organization_id: "acme",
      event_type: "doc.read",
      actor_email: `${decomposed}@Example.COM`,
    },
    {
      organization_id: "acme",
      event_type: "mail.sent",
      details: { users: [{ mail: "a" }, { mail: `${eve}@example.com` }] },
    },
    { organization_id: "acme", event_type: "doc.read", ip_address: "203.0.113.77", resource_name: eve },
    // The same text where no rule looks, and under another type: mentioned, which hides nothing.
    {
      organization_id: "acme",
      event_type: "doc.read",
      actor_id: "bob",
      resource_type: "doc",
      resource_id: "plain",
    },
    { organization_id: "globex", event_type: "doc.read", actor_id: eve },
  ])
})
afterAll(async () => {
  await db?.drop()
  remove()
})

const text = (answer: unknown): string =>
  JSON.stringify(answer, (_, value) => (typeof value === "bigint" ? String(value) : value))
    .normalize("NFC")
    .toLowerCase()

async function all<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const row of rows) found.push(row)
  return found
}

function nothingFound(error: unknown): string {
  if (error instanceof TrailError && error.code === "not-found") return ""
  throw error
}

let exports = 0
/** Whatever a reader can ask for events, or what is made of them. */
const asked: readonly (readonly [string, (trail: Trail) => Promise<unknown>])[] = [
  ["query", async (trail) => all(await trail.query())],
  [
    "query by request, which is found by an index",
    async (trail) => all(await trail.query({ request: "r1" })),
  ],
  ["query of an actor", async (trail) => all(await trail.query({ actor: eve }))],
  ["sample", async (trail) => all(await trail.sample({ size: 50, seed: "s" }))],
  ["follow", async (trail) => all(await trail.follow({ from: "beginning" }))],
  ["follow the newest", async (trail) => all(await trail.follow({ from: { newest: 20 } }))],
  ["stats", async (trail) => trail.stats({ by: ["actor", "resource", "type"] })],
  ["actor", async (trail) => trail.actor(eve)],
  ["actors", async (trail) => trail.actors()],
  ["resource", async (trail) => all(await trail.resource("doc/d1"))],
  ["resources", async (trail) => trail.resources()],
  ["trace", async (trail) => all(await trail.trace("r1"))],
  ["security", async (trail) => trail.security({ since: "2000-01-01" })],
  ["fieldValues", async (trail) => trail.fieldValues("actor_id")],
  [
    "export",
    async (trail) => {
      exports += 1
      const out = path(`export-${exports}`)
      await trail.createExport({ out })
      return readFileSync(join(out, "export-0001.csv"), "utf8")
    },
  ],
]

describe("while it is in force", () => {
  let act: string | null
  beforeAll(async () => {
    const placed = await privacy.restrictSubject(identifiers, why)
    act = placed.act
    expect(placed.events).toBe("7")
    await owner.refreshSummary()
  })

  test.each(asked)(
    "%s gives nothing of hers to a reader, of all or of one organization, and pgtrail_privacy all",
    async (_, ask) => {
      const told = async (trail: Trail) => text(await ask(trail).catch(nothingFound))
      expect(await told(reader)).not.toContain(eve)
      expect(await told(bound)).not.toContain(eve)
      expect(await told(privacy)).toContain(eve)
    },
  )

  test("query and count leave out exactly hers: by column, ruled resource and path, in both forms and any case of an address", async () => {
    const types = async (trail: Trail) =>
      (await all(await trail.query({ organization: "acme" }))).map(({ seq }) => seq).sort()
    expect(await types(reader)).toEqual(["1", "8"])
    expect(await types(bound)).toEqual(["1", "8"])
    expect(await types(auditor)).toEqual(["1", "8"])
    expect(await types(privacy)).toHaveLength(8)
    expect(await reader.count({ organization: "acme" })).toBe("2")
    expect(await reader.count({ organization: "globex" })).toBe("0")
    expect((await reader.stats({ organization: "acme" })).total_events).toBe("2")
  })

  test("show says that it is restricted, and shows its neighbours whole", async () => {
    const failure = await failureOf(reader.show({ organization: "acme", lane: "0", seq: "2" }))
    expect(failure).toMatchObject({
      code: "privilege",
      message: "event acme/0/2 is under a restriction (Article 18)",
    })
    expect(await reader.show({ organization: "acme", lane: "0", seq: "1" })).toMatchObject({
      verifies: true,
      problems: [],
    })
    expect((await privacy.show({ organization: "acme", lane: "0", seq: "2" })).event.actor_id).toBe(eve)
  })

  test("tail with verify passes what is hidden", async () => {
    const following = await reader.follow({ from: "beginning", verify: true })
    const seen = await all(following)
    expect(seen.map(({ organization_id: organization, seq }) => `${organization}/${seq}`).sort()).toEqual([
      "acme/1",
      "acme/8",
    ])
    expect(following.missing).toBe(0n)
  })

  test("an export of a reader is an extract and says so; that of pgtrail_privacy is evidence", async () => {
    const made = await reader.createExport({ out: path("reader") })
    expect(made.manifest.kind).toBe("extract")
    expect(made.warnings.join()).toContain("Article 18")
    expect((await privacy.createExport({ out: path("privacy") })).manifest.kind).toBe("evidence")
  })

  test("the log verifies, and the acts name nobody", async () => {
    expect((await auditor.verify()).verdict).toBe("intact")
    const acts = await db.query(
      "select kind, parameters::text, digest is not null as digest from pgtrail.act order by seq",
    )
    expect(acts.find(({ kind }) => kind === "restrict")).toMatchObject({ digest: "t" })
    expect(text(acts)).not.toContain(eve)
  })

  test("who answers requests of people is told which restrictions are in force, and of how many events, and not whose", async () => {
    const listed = {
      ...{ act, organization_id: null, identifiers: "4", kinds: "email, id, ip, resource", events: null },
      ...{
        since: expect.stringMatching(/^20.*Z$/),
        reason: why.reason,
        requested_by: why.requestedBy,
        request: null,
      },
      placed_by: expect.any(String),
    }
    expect(await privacy.restrictions()).toEqual([listed])
    const [hidden] = await db.query(
      "select (select count(*) from pgtrail.event) - (select count(*) from pgtrail.open_event) as n",
    )
    expect(await privacy.restrictions({ count: true })).toEqual([{ ...listed, events: hidden?.n }])
    expect(Number(hidden?.n)).toBeGreaterThan(5)
    const one = await privacy.restrictSubject([{ kind: "id", value: "bob" }], {
      ...why,
      organization: "acme",
    })
    const bobs = (await privacy.restrictions({ count: true }))[1]
    expect(bobs).toMatchObject({ act: one.act, organization_id: "acme", kinds: "id" })
    expect(bobs?.events).toBe(
      (
        await db.query(
          "select count(*) as n from pgtrail.event where organization_id = 'acme' and actor_id = 'bob'",
        )
      )[0]?.n,
    )
    expect(text(await privacy.restrictions({ count: true }))).not.toContain(eve)
    await privacy.unrestrictSubject({ act: one.act ?? "" }, why)
  })

  test("the same again changes nothing", async () => {
    expect(await privacy.restrictSubject([...identifiers].reverse(), why)).toEqual({
      act: null,
      events: null,
    })
  })

  test("reader, auditor, operator, writer and bound reader can neither place nor lift one, nor read whose they are", async () => {
    const operator = await db.trail({ url: (await db.role({ memberOf: ["pgtrail_operator"] })).url })
    for (const trail of [reader, bound, auditor, operator]) {
      expect(await failureOf(trail.restrictSubject(identifiers, why))).toMatchObject({ code: "privilege" })
      expect(await failureOf(trail.unrestrictSubject({ act: act ?? "" }, why))).toMatchObject({
        code: "privilege",
      })
    }
    for (const trail of [reader, bound, operator, auditor]) {
      expect(await failureOf(trail.restrictions())).toMatchObject({ code: "privilege" })
    }
  })

  test("a row that is changed by hand is refused", async () => {
    for (const sql of [
      "update pgtrail.subject_restriction set value = 'other'",
      "delete from pgtrail.subject_restriction",
      "truncate pgtrail.subject_restriction",
    ]) {
      await expect(db.query(sql)).rejects.toMatchObject({ code: "TR002" })
    }
  })

  test("nobody whose id was misspelt is hidden, which the count tells; and of two restrictions each counts its own", async () => {
    const nobody = await privacy.restrictSubject([{ kind: "id", value: "xeev" }], why)
    expect(nobody.events).toBe("0")
    await privacy.unrestrictSubject({ act: nobody.act ?? "" }, why)
    const bob = await privacy.restrictSubject([{ kind: "id", value: "bob" }], why)
    expect(bob.events).toBe("2")
    await privacy.unrestrictSubject({ act: bob.act ?? "" }, why)
  })

  test("a reason that names the subject is refused, also where the restriction alone knows whom it is about", async () => {
    const told = { ...why, reason: `accuracy contested by ${decomposed}` }
    const refused = { code: "usage", message: expect.stringContaining("--reason names the subject") }
    expect(await failureOf(privacy.restrictSubject(identifiers, told))).toMatchObject(refused)
    expect(await failureOf(privacy.unrestrictSubject({ act: act ?? "" }, told))).toMatchObject(refused)
    const byMail = { ...why, reason: `asked by ${eve}@example.com` }
    const one = { identifiers: [{ kind: "id", value: eve }] } as const
    expect(await failureOf(privacy.unrestrictSubject(one, byMail))).toMatchObject(refused)
    expect(await privacy.restrictions()).toHaveLength(1)
  })

  test("whoever lifts one that is not there is told which are", async () => {
    const failure = await failureOf(privacy.unrestrictSubject({ act: "1" }, why))
    expect(failure.hint).toContain(`in force: act ${act} (4 identifiers)`)
    const told = async (trail: Trail) =>
      (await trail.status({ drift: false })).checks.find(({ name }) => name === "requests")?.message
    expect(await told(privacy)).toMatch(/; 1 restriction in force$/)
    expect(await told(reader)).not.toContain("restriction")
  })

  test("the digest of its act is no proof of a guess: each row has a salt, which goes with it", async () => {
    const unsalted = await db.query(
      `select a.digest = sha256(string_agg(record_send(row('pgtrail restriction'::text, r.organization_id, r.kind, r.value)), ''::bytea order by r.number)) as guessed,
         a.digest = sha256(string_agg(record_send(row('pgtrail restriction'::text, r.salt, r.organization_id, r.kind, r.value)), ''::bytea order by r.number)) as vouched,
         count(distinct r.salt) = count(*) as salted
       from pgtrail.act a join pgtrail.subject_restriction r on r.act_seq = a.seq where a.organization_id = 'pgtrail' group by a.digest`,
    )
    expect(unsalted).toEqual([{ guessed: "f", vouched: "t", salted: "t" }])
  })

  test("lifted by an identifier in another form, everything is there again", async () => {
    const lifted = await privacy.unrestrictSubject({ identifiers: [{ kind: "id", value: decomposed }] }, why)
    expect(lifted.restrictions).toEqual([act])
    expect(await reader.count({ organization: "acme" })).toBe("8")
    expect(await bound.count()).toBe("8")
    expect((await reader.createExport({ out: path("lifted") })).manifest.population.exported).toBe("9")
    expect(await db.query("select from pgtrail.subject_restriction")).toEqual([])
    expect((await auditor.verify()).verdict).toBe("intact")
    expect(await failureOf(privacy.unrestrictSubject({ act: act ?? "" }, why))).toMatchObject({
      code: "not-found",
    })
  })
  test("that of one organization hides nothing in another", async () => {
    const placed = await privacy.restrictSubject(identifiers, { ...why, organization: "acme" })
    expect(await reader.count({ organization: "acme" })).toBe("2")
    expect(await reader.count({ organization: "globex" })).toBe("1")
    const globex = { identifiers, ...why, organization: "globex" }
    expect(await failureOf(privacy.unrestrictSubject(globex, globex))).toMatchObject({ code: "not-found" })
    expect((await privacy.unrestrictSubject({ act: placed.act ?? "" }, why)).restrictions).toEqual([
      placed.act,
    ])
  })
})

test("one that is placed while the log is followed hides what comes then", async () => {
  // As where there never was one: the table is read until there is.
  await db.query("vacuum pgtrail.subject_restriction")
  expect(await db.query("select pg_relation_size('pgtrail.subject_restriction') as size")).toEqual([
    { size: "0" },
  ])
  const following = await reader.follow({ from: "beginning", keepsOn: true, pollMs: 50, limit: 11 })
  const seen: (string | null | undefined)[] = []
  for await (const { actor_id: actor } of following) {
    seen.push(actor)
    if (seen.length !== 9) continue
    const { act } = await privacy.restrictSubject(identifiers, why)
    await owner.append([{ organization_id: "acme", event_type: "later", actor_id: eve }])
    await owner.append([{ organization_id: "acme", event_type: "later", actor_id: "bob" }])
    await owner.append([{ organization_id: "acme", event_type: "later", actor_id: "eva" }])
    expect(act).not.toBeNull()
  }
  expect(seen.filter((actor) => actor === eve)).toHaveLength(2)
  expect(seen.slice(9)).toEqual(["bob", "eva"])
})
