// Verifications and checkpoints have the digest of all heads; what is given as heads must be that.
import { afterAll, beforeEach, expect, test } from "vitest"
import { headsDigest } from "../../src/data/canonical.js"
import { findBreaks } from "../checker.js"
import { type TestDatabase, testDatabase } from "../database.js"

interface Head {
  organization_id: string
  lane: string
  seq: string
  hash: string
}
let db: TestDatabase
const all: TestDatabase[] = []
beforeEach(async () => {
  db = await testDatabase()
  all.push(db)
  await db.query(
    "insert into pgtrail.event (organization_id, event_type) select o, 'x' from unnest(array['b', 'a', 'Z', 'é']) o, generate_series(1, 3)",
  )
})
afterAll(async () => {
  for (const database of all) await database.drop()
})

const heads = async () =>
  (await db.query(
    "select distinct on (organization_id, lane) organization_id, lane, seq, hash from pgtrail.chain_head order by organization_id, lane, seq desc",
  )) as unknown as Head[]
const lists = (given: readonly Head[]) => [
  given.map((head) => head.organization_id),
  given.map((head) => head.lane),
  given.map((head) => head.seq),
  given.map((head) => head.hash),
]
const verify = (given: readonly Head[], parameters = "{}") =>
  db.query(
    "select pgtrail.record_verification($1, null, $2::text[], $3::smallint[], $4::bigint[], $5::text[]::bytea[]) as seq",
    [parameters, ...lists(given)],
  )
const checkpoint = (given: readonly Head[]) =>
  db.query(
    "select * from pgtrail.record_checkpoint('{}', $1::text[], $2::smallint[], $3::bigint[], $4::text[]::bytea[])",
    lists(given),
  )
const newest = async () => (await db.query("select * from pgtrail.act order by seq desc limit 1"))[0]

test("a verification that gives its heads is remembered, and says so itself", async () => {
  const given = await heads()
  await verify([...given].reverse(), '{"remembered": false, "verdict": "intact"}')
  expect(await newest()).toMatchObject({
    kind: "verify",
    parameters: '{"verdict": "intact", "remembered": true}',
    digest: `\\x${headsDigest(given)}`,
  })
  expect(await db.query("select * from pgtrail.verified_head order by organization_id, lane")).toEqual(given)
})

test("a verification without heads is not, whatever its parameters say, and keeps the digest that it saw", async () => {
  await verify(await heads())
  const before = await db.query("select * from pgtrail.verified_head")
  await db.query(`select pgtrail.record_verification('{"remembered": true}', sha256('seen'))`)
  expect(await newest()).toMatchObject({ parameters: '{"remembered": false}' })
  expect((await newest())?.digest).toBe((await db.query("select sha256('seen') as digest"))[0]?.digest)
  await db.query("select pgtrail.record_verification('{}')")
  expect(await newest()).toMatchObject({ parameters: '{"remembered": false}', digest: null })
  expect(await db.query("select * from pgtrail.verified_head")).toEqual(before)
})

test("a checkpoint is an act with the digest of the heads, and returns what is to be signed", async () => {
  const given = await heads()
  const [made] = await checkpoint([...given].reverse())
  const act = await newest()
  expect(act).toMatchObject({ kind: "checkpoint", digest: `\\x${headsDigest(given)}` })
  expect(made).toEqual({
    seq: act?.seq,
    hash: act?.hash,
    digest: act?.digest,
    recorded_at: act?.recorded_at,
  })
  expect(await db.query("select * from pgtrail.verified_head")).toEqual([])
  expect(await findBreaks(db)).toEqual([])
})

test("an older event of a lane is one of its heads too: what was appended meanwhile makes no checkpoint fail", async () => {
  const given = await heads()
  await db.query(
    "insert into pgtrail.event (organization_id, event_type) select 'a', 'x' from generate_series(1, 300)",
  )
  await checkpoint(given)
  expect((await newest())?.digest).toBe(`\\x${headsDigest(given)}`)
})

test("an empty log has a checkpoint: the digest of nothing", async () => {
  const empty = await testDatabase()
  all.push(empty)
  const [made] = await empty.query("select * from pgtrail.record_checkpoint('{}', '{}', '{}', '{}', '{}')")
  expect(made?.digest).toBe(`\\x${headsDigest([])}`)
})

const wrong: Readonly<Record<string, (given: Head[]) => Head[]>> = {
  "another hash": (given) =>
    given.map((head, at) => (at === 0 ? { ...head, hash: `\\x${"ab".repeat(32)}` } : head)),
  "another seq": (given) => given.map((head, at) => (at === 0 ? { ...head, seq: "2" } : head)),
  "a lane that never was": (given) => [...given, { ...(given[0] as Head), lane: "7" }],
  "a lane twice": (given) => [...given, given[0] as Head],
  "a null": (given) =>
    given.map((head, at) => (at === 0 ? { ...head, seq: null as unknown as string } : head)),
}
test.each(Object.keys(wrong))("heads with %s are refused, by both", async (name) => {
  const given = await heads()
  await verify(given)
  const odd = wrong[name]?.(given) ?? []
  await expect(verify(odd)).rejects.toMatchObject({ code: "55000" })
  await expect(checkpoint(odd)).rejects.toMatchObject({ code: "55000" })
  expect(await db.query("select count(*) as n from pgtrail.act")).toEqual([{ n: "2" }])
})

const short: Readonly<Record<string, (given: Head[]) => Head[]>> = {
  "a lane left out": (given) => given.slice(1),
  "no lane at all": () => [],
}
test.each(Object.keys(short))(
  "heads with %s that was verified: no checkpoint, and a verification forgets none",
  async (name) => {
    const given = await heads()
    await verify(given)
    const odd = short[name]?.(given) ?? []
    await expect(checkpoint(odd)).rejects.toMatchObject({ code: "55000" })
    // Another verification, with a newer snapshot, may have been recorded first: that is no reason to refuse this one.
    await verify(odd)
    expect(await newest()).toMatchObject({ digest: `\\x${headsDigest(given)}` })
    expect(await db.query("select * from pgtrail.verified_head order by organization_id, lane")).toEqual(
      given,
    )
  },
)

test("lists that differ in length, lists of which one is missing, and a digest that is none are refused", async () => {
  for (const call of [
    "record_verification('{}', null, '{a}', '{}', '{}', '{}')",
    "record_verification('{}', null, '{}', '{0}', '{}', '{}')",
    "record_verification('{}', null, '{}', '{}', '{1}', '{}')",
    "record_verification('{}', null, '{}', '{}', '{}', array[sha256('x')])",
    "record_verification('{}', null, '{}')",
    "record_verification('{}', null, null, '{}', '{}', '{}')",
    "record_verification('{}', '\\x00')",
    "record_verification('[]')",
    "record_verification('3')",
    "record_verification(null)",
    "record_checkpoint('[]', '{}', '{}', '{}', '{}')",
    "record_checkpoint('{}', null, null, null, null)",
    "record_checkpoint('{}', '{a,b}', '{0}', '{1}', array[sha256('x')])",
  ]) {
    await expect(db.query(`select pgtrail.${call}`), call).rejects.toMatchObject({ code: "TR009" })
  }
})

test("an operator makes checkpoints, an auditor verifications, and neither the other's", async () => {
  const outcome = (role: string, call: string) =>
    db.asRole(role, (client) =>
      client.query(`select pgtrail.${call}`).then(
        () => "done",
        (error: { code: string }) => error.code,
      ),
    )
  const check = "record_checkpoint('{}', '{}', '{}', '{}', '{}')"
  expect(await outcome("pgtrail_operator", check)).toBe("done")
  expect(await outcome("pgtrail_operator", "record_verification('{}')")).toBe("42501")
  expect(await outcome("pgtrail_auditor", "record_verification('{}')")).toBe("done")
  for (const role of ["pgtrail_auditor", "pgtrail_reader", "pgtrail_writer", "pgtrail_privacy"]) {
    expect(await outcome(role, check), role).toBe("42501")
  }
  for (const role of ["pgtrail_operator", "pgtrail_auditor"]) {
    expect(await outcome(role, "check_heads('{}', '{}', '{}', '{}')")).toBe("42501")
    expect(await outcome(role, "heads_digest('{}', '{}', '{}', '{}')")).toBe("42501")
    expect(await outcome(role, "is_destructive('accept')")).toBe("42501")
  }
})
