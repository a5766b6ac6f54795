// Following with verify: starts at what was verified last, checks every link as it passes, and stops at the first that does not hold.
import { afterAll, beforeAll, expect, test } from "vitest"
import { type FollowOptions, type Trail, TrailError } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  await append("acme", 40)
  await append("globex", 30)
})
afterAll(() => db.drop())

const append = (organization: string, count: number) =>
  db.query(
    "insert into pgtrail.event (organization_id, event_type, actor_id) select $1, 'a', 'u' || i from generate_series(1, $2::int) i",
    [organization, count],
  )

interface Read {
  readonly places: string[]
  readonly told: string[]
  readonly checked: bigint
  readonly unknown: bigint
  readonly error: TrailError | undefined
  readonly cursor: string
}

async function read(options: FollowOptions = {}, on = trail): Promise<Read> {
  const told: string[] = []
  const places: string[] = []
  const following = await on.follow({ verify: true, tell: (message) => told.push(message), ...options })
  let error: TrailError | undefined
  try {
    for await (const row of following) places.push(`${row.organization_id}/${row.lane}/${row.seq}`)
  } catch (cause) {
    if (!(cause instanceof TrailError)) throw cause
    error = cause
  }
  const { checked, unknown } = following
  return { places, told, checked, unknown, error, cursor: following.cursor() }
}

/** Past the guards, as a superuser can; whoever calls puts it back. */
async function tamper(sql: string): Promise<void> {
  await db.query(`set session_replication_role = replica; ${sql}; reset session_replication_role`)
}

async function altered(change: string, back: string, options: FollowOptions = {}): Promise<Read> {
  await tamper(change)
  const found = await read(options)
  await tamper(back)
  return found
}

test("without a verification everything is checked, and that is said", async () => {
  expect(await read()).toMatchObject({
    checked: 70n,
    error: undefined,
    told: [expect.stringContaining("no verification is recorded")],
  })
})

test("after one only what came since is checked and given", async () => {
  expect((await trail.verify({ jobs: 1 })).verdict).toBe("intact")
  expect(await read()).toMatchObject({ checked: 0n, places: [], told: [] })
  await append("acme", 3)
  await append("new", 2)
  expect(await read()).toMatchObject({
    checked: 5n,
    places: ["acme/0/41", "acme/0/42", "acme/0/43", "new/0/1", "new/0/2"],
    error: undefined,
  })
})

test("all events are checked, those that the filter wants are given", async () => {
  expect(await read({ filter: { actor: "u2" } })).toMatchObject({
    checked: 5n,
    places: ["acme/0/42", "new/0/2"],
  })
  expect(await read({ filter: { organization: "new" } })).toMatchObject({
    checked: 2n,
    places: ["new/0/1", "new/0/2"],
  })
  expect(await read({ from: { newest: 1 } })).toMatchObject({ checked: 5n, places: ["new/0/2"] })
  expect(await read({ from: { newest: 6 } })).toMatchObject({
    checked: 6n,
    places: ["globex/0/30", "acme/0/41", "acme/0/42", "acme/0/43", "new/0/1", "new/0/2"],
  })
})

test.each([
  [
    "altered",
    "update pgtrail.event set actor_id = 'x' where organization_id = 'acme' and seq = 42",
    "was altered",
  ],
  [
    "whose hash was made to fit",
    "update pgtrail.event set hash = sha256(hash) where organization_id = 'acme' and seq = 42",
    "was altered",
  ],
  [
    "redacted by nobody",
    "update pgtrail.event set content_digest = sha256('') where organization_id = 'acme' and seq = 42",
    "was altered",
  ],
  [
    "altered, with the digest of what it said left in its place",
    `update pgtrail.event e set actor_id = 'eve', identity_digest = sha256(record_send(row('pgtrail identity'::text, e.identity_salt,
       e.actor_id, e.actor_name, e.actor_email, e.ip_address, e.user_agent, e.session_id, e.device_id)))
     where organization_id = 'acme' and seq = 42`,
    "was redacted, and no redaction was recorded there",
  ],
  [
    "moved behind a forged link",
    "update pgtrail.event set previous_hash = sha256('') where organization_id = 'acme' and seq = 42",
    "was altered",
  ],
  [
    "removed",
    "delete from pgtrail.event where organization_id = 'acme' and seq = 42",
    "is missing, and no purge",
  ],
])("an event that was %s is named, after what comes before it", async (_, change, words) => {
  await db.query("create table public.kept as select * from pgtrail.event where organization_id = 'acme'")
  const found = await altered(
    change,
    "delete from pgtrail.event where organization_id = 'acme'; insert into pgtrail.event select * from public.kept; drop table public.kept",
  )
  expect(found.error).toMatchObject({
    code: "broken",
    message: expect.stringContaining(`acme/0/42 ${words}`),
  })
  expect(found.error?.hint).toContain("pgtrail verify")
  expect(found.places).toEqual(["acme/0/41"])
  expect(await read()).toMatchObject({ error: undefined, checked: 5n })
})

test("the newest event of a lane removed, its head kept", async () => {
  await db.query("create table public.kept as select * from pgtrail.event where organization_id = 'new'")
  const { error } = await altered(
    "delete from pgtrail.event where organization_id = 'new' and seq = 2",
    "delete from pgtrail.event where organization_id = 'new'; insert into pgtrail.event select * from public.kept; drop table public.kept",
  )
  expect(error).toMatchObject({ code: "broken", message: expect.stringContaining("new/0/2 is missing") })
})

test("a tail cut off with its heads, and a lane that is gone, are no shorter log", async () => {
  await db.query("create table public.heads as select * from pgtrail.chain_head")
  const back = "delete from pgtrail.chain_head; insert into pgtrail.chain_head select * from public.heads"
  const cut = await altered(
    "delete from pgtrail.chain_head where organization_id = 'acme' and seq > 39",
    back,
  )
  expect(cut.error).toMatchObject({
    code: "broken",
    message: expect.stringContaining("lane acme/0 ends at 39, and had come to 40"),
  })
  const gone = await altered("delete from pgtrail.chain_head where organization_id = 'globex'", back)
  expect(gone.error).toMatchObject({
    code: "broken",
    message: expect.stringContaining("lane globex/0 is gone"),
  })
  const other = await altered(
    "update pgtrail.chain_head set hash = sha256('') where organization_id = 'acme' and seq = 43",
    back,
  )
  expect(other.error).toMatchObject({
    code: "broken",
    message: expect.stringContaining("head of lane acme/0"),
  })
  await db.query("drop table public.heads")
})

test("what was remembered is compared with its act", async () => {
  await db.query("create table public.remembered as select * from pgtrail.verified_head")
  const { error } = await altered(
    "update pgtrail.verified_head set seq = 43, hash = (select hash from pgtrail.event where organization_id = 'acme' and seq = 43) where organization_id = 'acme'",
    "delete from pgtrail.verified_head; insert into pgtrail.verified_head select * from public.remembered; drop table public.remembered",
  )
  expect(error).toMatchObject({ code: "broken", message: expect.stringContaining("pgtrail.verified_head") })
})

test("purges are passed, and forged records of them are not", async () => {
  const { cursor } = await read()
  await append("acme", 20)
  await append("last", 1)
  await trail.purgeOrganization("acme", { reason: "test", confirm: "acme", maxRows: 50 })
  await append("acme", 2)
  const whole = await read({ from: "beginning" })
  expect(whole).toMatchObject({ error: undefined, told: [], unknown: 0n })
  expect(whole.places).toContain("acme/0/51")
  expect(whole.places).not.toContain("acme/0/50")
  const since = await read({ from: { cursor } })
  expect(since).toMatchObject({ error: undefined, unknown: 0n })
  expect(since.places.filter((place) => place.startsWith("acme"))).toHaveLength(15)

  const forged = await altered(
    "update pgtrail.purge set ranges = '{[1,54)}'; delete from pgtrail.event where organization_id = 'acme' and seq < 54",
    "select 1",
    { from: "beginning" },
  )
  expect(forged.error).toMatchObject({
    code: "broken",
    message: expect.stringMatching(/acme\/0\/\d+ is missing/),
  })
  // Without verify a record is believed, and what no record explains is told.
  expect(await read({ from: "beginning", verify: false })).toMatchObject({ error: undefined, told: [] })
  await tamper("update pgtrail.purge set ranges = '{[1,51)}'")
  expect(await read({ from: "beginning", verify: false })).toMatchObject({
    error: undefined,
    told: [expect.stringContaining("lane acme/0 are missing")],
  })
})

test("an auditor checks as the owner does; a reader begins now, and is told so", async () => {
  const auditor = await db.role({ memberOf: ["pgtrail_auditor"] })
  const reader = await db.role({ memberOf: ["pgtrail_reader"] })
  const own = await read({ filter: { organization: "new" } })
  expect(own.checked).toBe(2n)
  expect(await read({ filter: { organization: "new" } }, await db.trail({ url: auditor.url }))).toEqual(own)
  const shy = await read({}, await db.trail({ url: reader.url }))
  expect(shy).toMatchObject({ checked: 0n, told: [expect.stringContaining("and so are records of purges")] })
})

test("who reads one organization alone is told what cannot be checked", async () => {
  const role = await db.role()
  await trail.grant({ right: "reader", role: role.name, organizations: ["acme"] })
  const bound = await db.trail({ url: role.url })
  const now = await read({}, bound)
  expect(now).toMatchObject({
    places: [],
    error: undefined,
    told: [expect.stringContaining("may not read what was verified")],
  })
  const all = await read({ from: "beginning" }, bound)
  expect(all.places.map((place) => place.slice(0, place.lastIndexOf("/")))).toEqual(
    all.places.map(() => "acme/0"),
  )
  expect(all).toMatchObject({ error: undefined, unknown: 53n, checked: BigInt(all.places.length) })
  await append("acme", 1)
  await append("globex", 1)
  expect((await read({ from: { cursor: now.cursor } }, bound)).places).toEqual(["acme/0/66"])
  await trail.grant({ right: "reader", role: role.name, organizations: ["globex"] })
  await trail.revoke({ right: "reader", role: role.name, organizations: ["acme"] })
  expect((await read({ from: { cursor: now.cursor } }, bound)).error).toMatchObject({
    code: "privilege",
    message: expect.stringContaining('does not read organization "acme" any more'),
  })
})
