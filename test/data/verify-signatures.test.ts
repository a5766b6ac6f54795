// Destructive acts are signed where they had to be, by a key that is known, and what is not signed accepts nothing.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { performAct } from "../../src/data/act/perform.js"
import { signText, splitNote, type VerifierKey, verifyText } from "../../src/data/checkpoint/note.js"
import type { Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { noteSql } from "./opening.js"
import { replayed, tamper as tamperWith } from "./replayed.js"
import { testKey } from "./signing.js"

let db: TestDatabase
let trail: Trail
const tables = ["act", "act_signature", "setting", "incarnation", "loss", "log"]
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  for (const table of tables)
    await db.query(`create table public.${table}_copy as select * from pgtrail.${table}`)
})
// A new log for each test: what the template has.
beforeEach(() =>
  tamper(
    tables
      .map(
        (table) =>
          `delete from pgtrail.${table}; insert into pgtrail.${table} select * from public.${table}_copy`,
      )
      .join(";"),
  ),
)
afterAll(() => db.drop())

const messages = async (keys: readonly VerifierKey[] = []) => (await replayed(trail, keys)).messages
const tamper = (sql: string) => tamperWith(db, sql)
const found = (...findings: { id: string }[]) =>
  db.query("select pgtrail.record_verification($1)", [
    JSON.stringify({ findings: findings.map((one) => ({ ...one, kind: "altered", message: "altered" })) }),
  ])

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
    expect((await messages([key.verifier]))[0]).toBe(
      'control_altered -: pgtrail.act_signature has a signature of act 3 of organization "acme", and acts belong to pgtrail alone',
    )
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

describe("the note of the checkpoint that an incarnation was opened from", () => {
  const auditor = testKey("auditor.example")
  const operator = testKey("operator.example")
  const stranger = testKey("stranger.example")
  const text = async () => {
    const [row] = await db.query(`select ${noteSql()} as note, now() as time`)
    return { time: row?.time, text: splitNote(row?.note ?? "")?.text ?? "" }
  }
  /** `edit`: what a thief makes of the note before he opens an incarnation with it. */
  async function open(signer = auditor, edit = (note: string) => note): Promise<void> {
    const { time, text: body } = await text()
    await db.query("select pgtrail.open_incarnation('restore', $1, '{}', '{}', '{}', '{}', $2)", [
      edit(`${body}\n${signText(body, signer.signing)}`),
      time,
    ])
  }

  test("is whole in the table and in the act, and a key that made it finds nothing wrong", async () => {
    await open()
    const [row] = await db.query(
      "select i.checkpoint, a.parameters ->> 'checkpoint' as act from pgtrail.incarnation i join pgtrail.act a on a.seq = i.act_seq",
    )
    const { text: body = "", signatures = "" } = splitNote(row?.checkpoint ?? "") ?? {}
    expect(verifyText(body, signatures, [auditor.verifier], "")).toBe(auditor.verifier)
    expect(row?.act).toBe(row?.checkpoint)
    expect(await messages([auditor.verifier])).toEqual([])
    expect(await messages()).toEqual([])
  })

  test("that was edited is found with the key, and without keys it is nobody's business", async () => {
    await open(auditor, (note) => note.replace("lanes 1000", "lanes 1001"))
    expect(await messages()).toEqual([])
    expect(await messages([stranger.verifier])).toEqual([])
    expect(await messages([auditor.verifier])).toEqual([
      "unsigned_act 2: the checkpoint of act 2 (incarnation) is not what its key signed: the signature of auditor.example " +
        `(${auditor.verifier.keyId}) does not fit the text`,
    ])
  })

  test("by a key outside its period is found", async () => {
    const old = testKey("old.example", " until=2020-01-01T00:00:00Z")
    await open(old)
    expect(await messages([old.verifier])).toEqual([
      expect.stringMatching(/^unsigned_act 2: the checkpoint of act 2 .* was not valid at/),
    ])
  })

  test("by a key that was not given is found where signatures are required, and nowhere else", async () => {
    await open(stranger)
    expect(await messages([auditor.verifier])).toEqual([])
    await trail.setSetting("require-signed-acts", "on")
    const { time, text: body } = await text()
    const client = await trail.connect()
    await performAct(client, operator.signing, async () => {
      const note = `${body}\n${signText(body, stranger.signing)}`
      const call = "select pgtrail.open_incarnation('restore', $1, '{}', '{}', '{}', '{}', $2)"
      await client.query(call, [note, time])
      return "4"
    })
    await client.end()
    expect(await messages([operator.verifier])).toEqual([
      "unsigned_act 4: the checkpoint of act 4 (incarnation) is signed by a key that was not given, and the setting require-signed-acts was on",
    ])
    expect(await messages([operator.verifier, stranger.verifier])).toEqual([])
  })

  test("that has no signature, in an act that somebody forged, is found with any key", async () => {
    const { text: body } = await text()
    await db.query("select pgtrail.record_act('incarnation', $1)", [JSON.stringify({ checkpoint: body })])
    expect(await messages([auditor.verifier])).toContain(
      "unsigned_act 2: the checkpoint of act 2 (incarnation) is not what its key signed: it has no signature",
    )
  })
})

describe("signatures that nobody checked", () => {
  const key = testKey("operator.example")

  test("are counted where they were required and no key was given", async () => {
    await trail.setSetting("event-size-limit", "70000", key.text)
    expect((await replayed(trail)).replay.unverifiedSignatures).toBe(0)
    await trail.setSetting("require-signed-acts", "on")
    expect((await replayed(trail)).replay.unverifiedSignatures).toBe(0)
    await trail.setSetting("event-size-limit", "80000", key.text)
    await trail.setSetting("require-signed-acts", "off", key.text)
    await trail.setSetting("event-size-limit", "90000", key.text)
    expect((await replayed(trail)).replay.unverifiedSignatures).toBe(2)
    expect((await replayed(trail, [key.verifier])).replay.unverifiedSignatures).toBe(0)
    await tamper("delete from pgtrail.act_signature where seq = 4")
    const { replay, list } = await replayed(trail)
    expect(replay.unverifiedSignatures).toBe(1)
    expect(list.map(({ kind, seq }) => `${kind} ${seq}`)).toEqual(["unsigned_act 4"])
  })
})
