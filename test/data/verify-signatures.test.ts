// Destructive acts are signed where they had to be, by a key that is known, and what is not signed accepts nothing.
import { afterAll, beforeEach, describe, expect, test } from "vitest"
import type { VerifierKey } from "../../src/data/checkpoint/note.js"
import type { Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { replayed, tamper as tamperWith } from "./replayed.js"
import { testKey } from "./signing.js"

let db: TestDatabase
let trail: Trail
const all: TestDatabase[] = []
beforeEach(async () => {
  db = await testDatabase()
  all.push(db)
  trail = await db.trail()
})
afterAll(async () => {
  for (const database of all) await database.drop()
})

const messages = async (keys: readonly VerifierKey[] = []) => (await replayed(trail, keys)).messages
const tamper = (sql: string) => tamperWith(db, sql)
const found = (...findings: { id: string }[]) =>
  db.query("select pgtrail.record_verification($1)", [JSON.stringify({ findings })])

describe("signatures", () => {
  const key = testKey("operator.example")
  const other = testKey("operator.example")
  const on = () => trail.setSetting("require-signed-acts", "on")

  test("an unsigned act is found when triggers were off, and turning it off so turns nothing off", async () => {
    await on()
    await tamper("select pgtrail.set_setting('require-signed-acts', 'off')")
    await db.query("select pgtrail.set_setting('event-size-limit', '70000')")
    expect(await messages()).toEqual([
      "unsigned_act 3: act 3 (setting) is not signed, and the setting require-signed-acts was on",
      "unsigned_act 4: act 4 (setting) is not signed, and the setting require-signed-acts was on",
    ])
  })

  test("a signature that was removed is found, and one of an act that is not there", async () => {
    await on()
    await trail.setSetting("event-size-limit", "70000", key.text)
    await tamper("update pgtrail.act_signature set seq = 9")
    expect(await messages([key.verifier])).toEqual([
      "control_altered -: pgtrail.act_signature has a signature of act 9, and there is no such act",
      "unsigned_act 3: act 3 (setting) is not signed, and the setting require-signed-acts was on",
    ])
    await tamper("update pgtrail.act_signature set organization_id = 'acme', seq = 3")
    expect((await messages([key.verifier]))[0]).toMatch(/^control_altered -: pgtrail\.act_signature has/)
  })

  test("a signature by another key is found where one was required, and is nobody's business elsewhere", async () => {
    await trail.setSetting("event-size-limit", "70000", other.text)
    await on()
    await trail.setSetting("event-size-limit", "80000", other.text)
    expect(await messages()).toEqual([])
    expect(await messages([other.verifier, key.verifier])).toEqual([])
    expect(await messages([key.verifier])).toEqual([
      "unsigned_act 4: act 4 (setting) is signed by a key that was not given, and the setting require-signed-acts was on",
    ])
  })

  test("a signature moved from another act, or changed, is found whether or not one was required", async () => {
    await trail.setSetting("event-size-limit", "70000", key.text)
    await trail.setSetting("event-size-limit", "80000", key.text)
    await tamper(
      "update pgtrail.act_signature set signature = (select signature from pgtrail.act_signature where seq = 3)",
    )
    expect(await messages([key.verifier])).toEqual([
      expect.stringMatching(
        /^unsigned_act 2: the signature of act 2 \(setting\) does not fit it: .*operator\.example/,
      ),
    ])
    await tamper("update pgtrail.act_signature set signature = 'nonsense'")
    expect(await messages([key.verifier])).toHaveLength(2)
  })

  test("a key outside its period vouches for nothing", async () => {
    const old = testKey("old.example", " until=2020-01-01T00:00:00Z")
    await on()
    await trail.setSetting("event-size-limit", "70000", old.text)
    expect(await messages([old.verifier])).toEqual([
      expect.stringMatching(/^unsigned_act 3: the signature of act 3 .* was not valid at/),
    ])
  })
})

describe("accepted findings", () => {
  const accept = (id: string) => db.query("select pgtrail.accept_finding($1, 'restored')", [id])

  test("an accepted finding has its act and its reason", async () => {
    await found({ id: "00000000000000aa" })
    await accept("00000000000000aa")
    const { replay, list } = await replayed(trail)
    expect(list).toEqual([])
    expect([...replay.accepted]).toEqual([["00000000000000aa", { act: "3", reason: "restored" }]])
  })

  test("an act accepts nothing that no verification before it had found", async () => {
    const forge = (id: unknown) =>
      db.query("select pgtrail.record_act('accept', $1)", [
        JSON.stringify({ finding: { id }, reason: "none" }),
      ])
    await forge("00000000000000aa")
    await forge(["00000000000000aa"])
    await db.query("select pgtrail.record_act('accept', '[1]')")
    await found({ id: "00000000000000aa" })
    const { replay, list } = await replayed(trail)
    expect(list.map(({ kind, seq }) => `${kind} ${seq}`)).toEqual([
      "act_altered 2",
      "act_altered 3",
      "act_altered 4",
    ])
    expect(replay.accepted.size).toBe(0)
  })

  test("an act that is unsigned, or signed by another, accepts nothing where signatures are required", async () => {
    const key = testKey("operator.example")
    await found({ id: "00000000000000aa" }, { id: "00000000000000bb" })
    await trail.setSetting("require-signed-acts", "on")
    await tamper("select pgtrail.accept_finding('00000000000000aa', 'no')")
    const { replay, list } = await replayed(trail, [key.verifier])
    expect(list.map(({ kind, seq }) => `${kind} ${seq}`)).toEqual(["unsigned_act 4"])
    expect(replay.accepted.size).toBe(0)
  })
})
