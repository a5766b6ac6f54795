// Holds that are over and name an erased subject: the names go, the acts vouch for what is left, and nothing can be guessed from digests.
import { createHash } from "node:crypto"
import { expect, test } from "vitest"
import { record } from "../../src/data/canonical.js"
import { until } from "./retention-fixture.js"
import { jane, subjectLogs } from "./subject-fixture.js"

const log = subjectLogs()
const names = ["u-jane", "of u-jane"]

/** A released hold on her, an expired one that has her as a resource, one of a correlation, and one of somebody else. */
async function withHolds(): Promise<void> {
  const { trail, db } = log()
  await trail.addHold({ case: "A", reason: "r", actor: "U-Jane", until: "2000-01-01Z" })
  await trail.addHold({ case: "A", reason: "r", correlation: "case of u-jane", until: "2000-01-01Z" })
  await trail.addHold({ case: "C", reason: "r", actor: "u-1", until: "2000-01-01Z" })
  await trail.releaseHold("A", { reason: "over" })
  await trail.releaseHold("C", { reason: "over" })
  await db.query(
    `select pgtrail.add_hold('B', 'r', resource_type => 'user', resource_id => 'u-jane', until => '2000-01-01Z',
       expires_at => clock_timestamp() + interval '0.3 s')`,
  )
  await until(db, "select max(expires_at) < clock_timestamp() from pgtrail.hold")
}

const rows = () =>
  log().db.query(
    "select case_id, actor_id, resource_id, correlation_id, salt is null as bare, cleared_seq is not null as cleared from pgtrail.hold order by act_seq",
  )

test("an erasure takes the names out of holds that are over, the others stay, and verify says intact", async () => {
  const { erase, traces, intact } = log()
  await withHolds()
  const { receipt, complete } = await erase()
  expect([receipt?.named, receipt?.proof, complete]).toEqual([[], [], true])
  expect(await traces(...names)).toEqual([])
  expect(await rows()).toMatchObject([
    { case_id: "A", actor_id: "[erased]", bare: "t", cleared: "t" },
    { case_id: "A", correlation_id: "[erased]", bare: "t", cleared: "t" },
    { case_id: "C", actor_id: "u-1", bare: "f", cleared: "f" },
    { case_id: "B", resource_id: "[erased]", bare: "t", cleared: "t" },
  ])
  await intact()
  expect((await erase()).receipt?.act).toBeNull()
})

test("a subject whom nothing but a hold that is over names is erased from it, by an act", async () => {
  const { trail, db, traces } = log()
  await trail.addHold({ case: "X", reason: "r", actor: "u-nobody-else", until: "2000-01-01Z" })
  await trail.releaseHold("X", { reason: "over" })
  const { receipt } = await trail.eraseSubject([{ kind: "id", value: "u-nobody-else" }], {
    reason: "asked",
    requestedBy: "dpo",
    confirm: "u-nobody-else",
  })
  expect(receipt).toMatchObject({ events: "0", complete: true, act: expect.stringMatching(/^\d+$/) })
  expect(await traces("u-nobody-else")).toEqual([])
  expect((await db.trail()) && (await trail.verify()).verdict).toBe("intact")
})

test("pseudonymizing takes them too", async () => {
  const { trail, traces } = log()
  await withHolds()
  const keys = { ids: ["k1"], read: async () => Buffer.alloc(32, 3).toString("base64") }
  await trail.addPrivacyKey({ id: "k1", keys })
  await trail.pseudonymize(jane, {
    strategy: "token",
    reason: "asked",
    requestedBy: "dpo",
    keys,
    inText: true,
  })
  expect((await traces("u-jane")).filter((table) => table === "pgtrail.hold")).toEqual([])
  expect((await trail.verify()).verdict).toBe("intact")
})

test("whoever knows the name cannot tell from the digest of a hold's act that it was about it, before or after", async () => {
  const { db, erase } = log()
  await withHolds()
  await erase()
  const acts = await db.query("select encode(digest, 'hex') as digest from pgtrail.act where kind = 'hold'")
  for (const actor of ["u-jane", "U-Jane"]) {
    const guess = record("pgtrail hold", [
      ["text", "A"],
      ["text", null],
      ["text", actor],
      ...([null, null, null, null] as const).map((none) => ["text", none] as const),
      ["timestamptz", null],
      ["timestamptz", "2000-01-01 00:00:00+00"],
      ["timestamptz", null],
    ])
    const digest = createHash("sha256").update(guess).digest("hex")
    expect(acts.map((act) => act.digest)).not.toContain(digest)
  }
})

/** Which hold, and what is done to it. Each is another: one verification finds them all. */
const tamperings = {
  "a name is put back": ["actor_id = 'U-Jane'", "actor_id = 'u-jane'", /is not what act \d+ left of it/],
  "a hold that was cleared is altered": ["case_id = 'B'", "case_id = 'Z'", /is not what act \d+ left of it/],
  "it is told as not cleared": [
    "correlation_id is not null",
    "cleared_seq = null",
    /has its names .*and was cleared of names by act/,
  ],
  "another is told as cleared": [
    "case_id = 'C'",
    "cleared_seq = 1",
    /was cleared of names by act 1 .*and has its names/,
  ],
} as const
let tampered: Promise<Map<string, string[]>> | undefined
/** What is found of each. */
async function foundOfEach(): Promise<Map<string, string[]>> {
  const { db, erase, trail } = log()
  await withHolds()
  const acts = new Map<string, string | null | undefined>()
  for (const [what, [which]] of Object.entries(tamperings)) {
    acts.set(what, (await db.query(`select act_seq from pgtrail.hold where ${which}`))[0]?.act_seq)
  }
  await erase()
  for (const [what, [, change]] of Object.entries(tamperings)) {
    await db.query(
      `set session_replication_role = replica; update pgtrail.hold set ${change} where act_seq = ${acts.get(what)}`,
    )
  }
  const { verdict, findings } = await trail.verify()
  expect([verdict, findings.length]).toEqual(["tampered", acts.size])
  const said = (act: string | null | undefined) =>
    findings.map(({ message }) => message).filter((words) => words.startsWith(`the hold of act ${act} `))
  return new Map([...acts].map(([what, act]) => [what, said(act)]))
}

test.each(Object.entries(tamperings))("found and named: %s", async (what, [, , words]) => {
  tampered ??= foundOfEach()
  expect((await tampered).get(what)).toEqual([expect.stringMatching(words)])
})

test("a hold in force keeps its names, also from an act that says it cleared them", async () => {
  const { db, erase, trail } = log()
  await trail.addHold({ case: "F", reason: "r", actor: "u-jane", until: "2000-01-01Z" })
  const { receipt } = await erase()
  expect(receipt?.named).toEqual([expect.stringContaining("as long as it is in force")])
  const [hold] = await db.query("select actor_id, act_seq from pgtrail.hold")
  expect(hold?.actor_id).toBe("u-jane")
  await db.query(`begin; set local session_replication_role = replica;
    select pgtrail.record_act('redact', jsonb_build_object('at', null, 'cleared_holds',
      jsonb_build_array(jsonb_build_object('hold', ${hold?.act_seq}, 'digest', repeat('0', 64)))),
      (select digest from pgtrail.act where kind = 'redact' order by seq desc limit 1));
    commit`)
  expect((await trail.verify()).verdict).toBe("intact")
})

test("after a restore the register clears them again, and no other hold of the same number", async () => {
  const { db, erase, path, trail, traces } = log()
  await withHolds()
  await db.query("create table public.saved as select * from pgtrail.hold")
  const register = path("register.jsonl")
  await erase({ register })
  await db.query(
    "set session_replication_role = replica; truncate pgtrail.hold; insert into pgtrail.hold select * from public.saved; drop table public.saved",
  )
  expect(await traces("u-jane")).toContain("pgtrail.hold")
  expect(await trail.reapply(register)).toMatchObject({ events: "0", act: expect.stringMatching(/^\d+$/) })
  expect(await traces("u-jane")).toEqual([])
  expect(await trail.reapply(register)).toMatchObject({ act: null })
})
