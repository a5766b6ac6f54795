// Pseudonyms: the same for the same subject in an organization, another one in each other; the chain holds, and the key tells who it was.
import { join } from "node:path"
import { expect, test } from "vitest"
import { failureOf } from "./failure.js"
import { pseudonymLogs, subject, values } from "./subject-pseudonym-fixture.js"

const log = pseudonymLogs()
const strategies = ["hash", "token", "encrypt"] as const

/** In the partition of the others: every search takes each that has events its time to plan. */
const later = { event_type: "x", occurred_at: "2026-03-15T00:00:00Z" }

const actors = async () =>
  (
    await log().db.query(
      `select organization_id as o, string_agg(distinct actor_id, ' ' order by actor_id) as a,
         count(distinct actor_id) as n from pgtrail.event group by 1 order by 1`,
    )
  ).map(({ o, a }) => [o, a])

/** Every table of the log as text, in lower letters: nothing of the subject must stand there. What is attached is read with its parent. */
async function leaks(): Promise<string[]> {
  const { db } = log()
  const tables = await db.query(
    `select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = 'pgtrail' and c.relkind in ('r', 'p') and not c.relispartition order by 1`,
  )
  const found: string[] = []
  for (const { name } of tables) {
    const rows = await db.query(`select lower(normalize(t::text)) as t from ${name} t`)
    const text = rows
      .map(({ t }) => t)
      .join("\n")
      .replaceAll('""', '"')
      .replaceAll("''", "'")
    found.push(...values.filter((value) => text.includes(value)).map((value) => `${name}: ${value}`))
  }
  return found
}

test.each(strategies)(
  "with %s the subject has one pseudonym in each organization, in every field, and it is revealed by an act, with all identifiers that were known",
  async (strategy) => {
    const { db, trail, keys, pseudonymize } = log()
    expect((await leaks()).length).toBeGreaterThan(0)
    const done = await pseudonymize(strategy)
    expect(done).toMatchObject({ events: "6", held: "0", unsound: "0", key_id: "k1", known: [] })
    const [acme, globex] = done.organizations
    expect(done.organizations).toMatchObject([
      { organization_id: "acme", events: "3" },
      { organization_id: "globex", events: "3" },
    ])
    expect(acme?.pseudonym).toMatch(new RegExp(`^p1:${strategy[0]}:k1:[A-Za-z0-9_-]{22,}$`))
    expect(acme?.pseudonym).not.toBe(globex?.pseudonym)
    expect(await actors()).toEqual([
      ["acme", `${acme?.pseudonym} u-4712`],
      ["globex", globex?.pseudonym],
      ["third", "u-4712"],
    ])
    const others = await db.query(
      `select distinct actor_name = actor_id as name, actor_email = actor_id as email, details ->> 'who' = actor_id as who,
       ip_address as ip from pgtrail.event where actor_id <> 'u-4712'`,
    )
    expect(others).toEqual([{ name: "t", email: "t", who: "t", ip: null }])
    expect(await leaks()).toEqual([])
    const pseudonym = acme?.pseudonym ?? ""
    const revealed = await trail.reveal(pseudonym, {
      reason: "inquiry",
      requestedBy: "court",
      keys: keys("k1"),
    })
    expect(revealed).toMatchObject({ strategy, key_id: "k1", organization_id: "acme", pseudonym })
    expect(revealed.identifiers).toEqual([
      { kind: "id", value: subject.id },
      { kind: "email", value: subject.email },
      { kind: "name", value: subject.name },
    ])
    expect(
      await db.query(
        "select parameters = jsonb_build_object('pseudonym', $2::text, 'reason', 'inquiry', 'requested_by', 'court') as fits from pgtrail.act where seq = $1 and kind = 'reveal'",
        [revealed.act, pseudonym],
      ),
    ).toEqual([{ fits: "t" }])
    expect(await leaks()).toEqual([])
    expect(await trail.verify({ jobs: 1, record: false })).toMatchObject({ verdict: "intact" })
  },
)

test.each(strategies)(
  "with %s what comes later gets the same pseudonym, and a second run has nothing to do",
  async (strategy) => {
    const { db, trail, keys, pseudonymize } = log()
    const first = await pseudonymize(strategy)
    expect(await pseudonymize(strategy)).toMatchObject({ act: null, events: "0", organizations: [] })
    // In the other normal form of Unicode, in the event and in the request.
    const other = subject.id.normalize("NFD")
    await trail.append({ ...later, organization_id: "acme", actor_id: other })
    const again = await trail.pseudonymize([{ kind: "id", value: other }], {
      ...{ strategy, reason: "r", requestedBy: "w", keys: keys("k1") },
    })
    expect(again.organizations).toMatchObject([
      { organization_id: "acme", pseudonym: first.organizations[0]?.pseudonym, events: "1" },
    ])
    expect(again.known.map(({ pseudonym }) => pseudonym).sort()).toEqual(
      first.organizations.map(({ pseudonym }) => pseudonym).sort(),
    )
    expect(await db.query("select count(*) as n from pgtrail.pseudonym")).toEqual([{ n: "2" }])
  },
)

test.each(strategies)(
  "with %s and one domain for all, the pseudonym is the same in all organizations",
  async (strategy) => {
    const { db, pseudonymize } = log()
    const done = await pseudonymize(strategy, { joined: true })
    expect(new Set(done.organizations.map(({ pseudonym }) => pseudonym)).size).toBe(1)
    expect(await db.query("select organization_id as o from pgtrail.pseudonym")).toEqual([{ o: null }])
  },
)

test("identifiers of a later request are added to those of the first", async () => {
  const { trail, keys, pseudonymize } = log()
  await pseudonymize("hash")
  await trail.append({ ...later, organization_id: "acme", actor_id: subject.id })
  const again = await trail.pseudonymize(
    [
      { kind: "id", value: subject.id },
      { kind: "device", value: "laptop-9" },
    ],
    { strategy: "hash", reason: "r", requestedBy: "dpo", keys: keys("k1") },
  )
  const { identifiers } = await trail.reveal(again.organizations[0]?.pseudonym ?? "", {
    reason: "r",
    keys: keys("k1"),
  })
  expect(identifiers.map(({ kind }) => kind)).toEqual(["id", "email", "name", "device"])
})

test("what a key encrypted in the pseudonym itself needs no note of the log, and still an act", async () => {
  const { db, trail, keys, pseudonymize } = log()
  const { organizations } = await pseudonymize("encrypt")
  await db.query("delete from pgtrail.pseudonym")
  const revealed = await trail.reveal(organizations[1]?.pseudonym ?? "", { reason: "r", keys: keys("k1") })
  expect(revealed).toMatchObject({ identifiers: [{ kind: "id", value: subject.id }], organization_id: null })
  expect(await db.query("select count(*) as n from pgtrail.act where kind = 'reveal'")).toEqual([{ n: "1" }])
})

test("a dry run finds the same and changes nothing", async () => {
  const { db, pseudonymize } = log()
  const before = await db.query(
    "select md5(string_agg(e::text, '' order by seq)) as m, (select count(*) from pgtrail.act) as n from pgtrail.event e",
  )
  const { organizations, ...tried } = await pseudonymize("hash", { dryRun: true })
  expect(tried).toMatchObject({ act: null, dry_run: true, events: "6" })
  expect(tried.limits).not.toContain("archives were not searched")
  expect(organizations).toMatchObject([
    { organization_id: "acme", pseudonym: null, events: "3" },
    { organization_id: "globex", pseudonym: null, events: "3" },
  ])
  expect(
    await db.query(
      "select md5(string_agg(e::text, '' order by seq)) as m, (select count(*) from pgtrail.act) as n from pgtrail.event e",
    ),
  ).toEqual(before)
})

test("one organization alone, and what a hold is on, stay as they are", async () => {
  const { trail, pseudonymize } = log()
  await trail.addHold({ case: "C", reason: "r", organization: "globex" })
  const done = await pseudonymize("hash")
  expect(done).toMatchObject({ events: "3", held: "3" })
  expect((await actors())[1]).toEqual(["globex", subject.id])
  await trail.releaseHold("C", { reason: "r" })
  expect(await pseudonymize("hash", { organizations: ["acme"] })).toMatchObject({ act: null, events: "0" })
  expect(await pseudonymize("hash", { organizations: ["globex"] })).toMatchObject({ events: "3" })
})

test("after a rotation the old pseudonyms stay and still reveal; new ones are of the new key", async () => {
  const { trail, folder, keys, pseudonymize } = log()
  const first = await pseudonymize("hash")
  await trail.addPrivacyKey({ out: join(folder, "k2"), rotate: true })
  await trail.append({ ...later, organization_id: "acme", actor_id: subject.id })
  expect((await failureOf(pseudonymize("hash"))).message).toBe(
    "the privacy key k2 is needed, and was not given",
  )
  const next = await pseudonymize("hash", { keys: keys("k1", "k2") })
  expect(next.organizations[0]?.pseudonym).toMatch(/^p1:h:k2:/)
  expect(next.known.map(({ key_id }) => key_id)).toEqual(["k1", "k1"])
  const reason = { reason: "r" }
  const old = first.organizations[0]?.pseudonym ?? ""
  expect((await trail.reveal(old, { ...reason, keys: keys("k1", "k2") })).identifiers[0]?.value).toBe(
    subject.id,
  )
  expect(await failureOf(trail.reveal(old, { ...reason, keys: keys("k2") }))).toMatchObject({
    code: "config",
    message: "the privacy key k1, which was rotated and still reveals, is needed, and was not given",
  })
})

test.each(strategies)(
  "after the key is destroyed nobody can reveal what it made with %s, and the events verify",
  async (strategy) => {
    const { db, trail, keys, having, pseudonymize } = log()
    const { organizations } = await pseudonymize(strategy)
    const text = await keys("k1").read("k1")
    expect(await trail.destroyPrivacyKey("k1", { confirm: "k1", keys: keys("k1") })).toMatchObject({
      pseudonyms: "2",
    })
    expect(await db.query("select count(original) as n, count(*) as all from pgtrail.pseudonym")).toEqual([
      { n: "0", all: "2" },
    ])
    const pseudonym = organizations[0]?.pseudonym ?? ""
    // Even for somebody who has kept a copy.
    const error = await failureOf(trail.reveal(pseudonym, { reason: "r", keys: having({ k1: text ?? "" }) }))
    expect(error).toMatchObject({ code: "not-found", message: expect.stringContaining("was destroyed") })
    const client = await db.client()
    expect((await client.query("select pgtrail.reveal($1, 'r') as act", [pseudonym])).rows).toEqual([
      { act: null },
    ])
    expect(await db.query("select 1 from pgtrail.act where kind = 'reveal'")).toEqual([])
    expect((await actors())[1]).toEqual(["globex", organizations[1]?.pseudonym])
    expect(await trail.verify({ jobs: 1, record: false })).toMatchObject({ verdict: "intact" })
  },
)

test("an id that is too long to be encrypted into a pseudonym is refused, and stays", async () => {
  const { db, trail, keys } = log()
  const value = "é".repeat(900)
  await trail.append({ ...later, actor_id: value })
  const options = { reason: "r", requestedBy: "dpo", keys: keys("k1") }
  const id = [{ kind: "id" as const, value }]
  expect(await failureOf(trail.pseudonymize(id, { ...options, strategy: "encrypt" }))).toMatchObject({
    code: "usage",
  })
  expect(await db.query("select count(*) as n from pgtrail.event where actor_id = $1", [value])).toEqual([
    { n: "1" },
  ])
  expect(await trail.pseudonymize(id, { ...options, strategy: "hash" })).toMatchObject({ events: "1" })
})

test("a reason that names the subject is refused: acts are kept for ever", async () => {
  const { pseudonymize } = log()
  expect(await failureOf(pseudonymize("hash", { reason: `asked by ${subject.email}` }))).toMatchObject({
    code: "usage",
  })
})

test("the request in the register is told which act answered it; with one that is not there nothing changes", async () => {
  const { db, pseudonymize } = log()
  await db.query("select pgtrail.add_request('erasure', request => 'R-1')")
  expect(await failureOf(pseudonymize("hash", { request: "R-404" }))).toMatchObject({ code: "not-found" })
  expect(await db.query("select count(*) as n from pgtrail.event where actor_id like 'p1:%'")).toEqual([
    { n: "0" },
  ])
  const { act } = await pseudonymize("hash", { request: "R-1" })
  expect(await db.query("select acts::text as acts from pgtrail.subject_request")).toEqual([
    { acts: `{${act}}` },
  ])
})
