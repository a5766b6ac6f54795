// Where a subject may stand and nobody looked: it is told, and no erasure is complete meanwhile.
import { readFile } from "node:fs/promises"
import { pathToFileURL } from "node:url"
import { expect, test } from "vitest"
import type { PrivacyKeys } from "../../src/data/index.js"
import { describeReceipt } from "../../src/data/subject/describe-erased.js"
import { notePseudonymized } from "../../src/data/subject/describe-pseudonym.js"
import { jane, janesWords, subjectLogs } from "./subject-fixture.js"

const log = subjectLogs()

async function key(name: string): Promise<PrivacyKeys> {
  const { trail, path } = log()
  const { key_id: id } = await trail.addPrivacyKey({ out: path(name) })
  return { ids: [id], read: async (asked) => (asked === id ? readFile(path(name), "utf8") : undefined) }
}

const why = { reason: "r", requestedBy: "w" }

test("without the key of pseudonyms nobody can tell whether the subject is under one: find says so, and no erasure is complete", async () => {
  const { trail, erase } = log()
  const keys = await key("k1")
  await key("unused").catch(() => undefined)
  await trail.pseudonymize(jane, { strategy: "token", ...why, keys })
  const words = `events under pseudonyms of the privacy key ${keys.ids[0]} were not searched`
  expect((await trail.findSubject(jane)).limits.join()).toContain(words)
  expect((await erase({ dryRun: true })).complete).toBe(false)
  const without = await erase()
  expect(without).toMatchObject({ complete: false, receipt: { act: null, complete: false } })
  expect(without.receipt?.searched.missing_keys).toEqual(keys.ids)
  expect(without.receipt?.limits.join()).toContain(words)

  expect((await trail.findSubject(jane, { keys })).limits.join()).not.toContain("pseudonyms")
  const done = await erase({ keys })
  expect(done.receipt).toMatchObject({ complete: true, searched: { missing_keys: [] } })
  expect(Number(done.receipt?.events)).toBeGreaterThan(0)
  // Whom they stood for is forgotten: there is nothing more that the key could tell.
  expect(await erase()).toMatchObject({ complete: true })
})

test("a key whose pseudonyms nobody can reveal any more is not missed", async () => {
  const { trail, erase } = log()
  const keys = await key("k1")
  await trail.pseudonymize(jane, { strategy: "hash", ...why, keys })
  await trail.destroyPrivacyKey(keys.ids[0] ?? "", { confirm: keys.ids[0] ?? "", keys })
  expect(await erase()).toMatchObject({ complete: true })
})

test("who pseudonymizes with a new key and has not the old one is told", async () => {
  const { trail, path } = log()
  const old = await key("k1")
  await trail.pseudonymize(jane, { strategy: "token", ...why, keys: old })
  const { key_id: id } = await trail.addPrivacyKey({ out: path("k2"), rotate: true })
  const keys = { ids: [id], read: async () => readFile(path("k2"), "utf8") }
  const done = await trail.pseudonymize(jane, { strategy: "token", ...why, keys })
  expect(done.limits.join()).toContain(`pseudonyms of the privacy key ${old.ids[0]} were not searched`)
})

test("with a retired key alone the register of erasures is written all the same, by that key", async () => {
  const { trail, erase, path, read } = log()
  const old = await key("k1")
  await trail.addPrivacyKey({ out: path("k2"), rotate: true })
  await erase({ keys: old, register: path("r") })
  const [first = ""] = (await read("r")).split("\n")
  expect(JSON.parse(first)).toMatchObject({ key: old.ids[0], subject: expect.any(Array) })
})

test("archives that were left out make an erasure incomplete, where the log has any", async () => {
  const { trail, erase, folder, db } = log()
  await db.query("select pgtrail.set_setting('retention-grace', '0d')")
  expect((await erase({ archives: false, dryRun: true })).would?.unsearched).toEqual({
    keys: [],
    archives: 0,
    misnamed: [],
    companions: [],
  })
  await trail.createArchives({ to: pathToFileURL(folder).href, partition: "event_2026_02" })
  expect((await erase({ archives: false, dryRun: true })).complete).toBe(false)
  const done = await erase({ archives: false })
  expect(done).toMatchObject({ complete: false, receipt: { searched: { archives_left: 1 } } })
  expect(done.receipt?.limits.join()).toContain("the log has 1 archive that may have the subject")
  expect(await erase()).toMatchObject({ complete: true })
  expect(await erase({ archives: false, since: "2026-03-01T00:00:00Z" })).toMatchObject({ complete: true })
})

test("addresses and names of the subject's own events that were not given are counted, and not repeated", async () => {
  const { trail, erase, db } = log()
  await db.query(
    `insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id, actor_email, actor_name) values
      ('acme', '2026-02-01Z', 'a', 'u-jane', 'jj@other.example', 'J. J.'), ('acme', '2026-03-01Z', 'a', 'u-jane', 'jj@other.example', null)`,
  )
  const of = (limits: readonly string[] | undefined) =>
    (limits ?? []).filter((words) => words.includes("not given as an identifier"))
  const id = jane.slice(0, 1)
  expect((await trail.findSubject(id)).found.ungiven).toEqual([
    { kind: "email", events: "10" },
    { kind: "name", events: "9" },
  ])
  const { found, limits } = await trail.findSubject(jane)
  expect(found.ungiven).toEqual([
    { kind: "email", events: "2" },
    { kind: "name", events: "1" },
  ])
  expect(of(limits)).toHaveLength(1)
  const { receipt } = await erase()
  expect(of(receipt?.limits)).toEqual(of(limits))
  expect(of(limits).join()).toMatch(/2 events have an e-mail address and 1 event has a name/)
  expect(of(limits).join()).not.toMatch(/jj@other|J\. J\./)
  expect(of((await trail.findSubject(jane)).limits)).toEqual([])
})

test("a hold that names the subject by its correlation is told as long as it is in force, and loses the name after that", async () => {
  const { trail, erase } = log()
  await trail.addHold({ case: "C", reason: "r", correlation: "case of u-jane", until: "2000-01-01Z" })
  const open = await erase()
  expect(open.receipt).toMatchObject({
    complete: false,
    proof: [],
    named: [expect.stringMatching(/case C\)/)],
  })
  await trail.releaseHold("C", { reason: "over" })
  const { receipt } = await erase()
  expect(receipt).toMatchObject({ complete: true, named: [], proof: [] })
  const words = receipt === null ? "" : describeReceipt(receipt)
  expect(words).toMatch(/^complete: /m)
  expect(words).not.toMatch(/stays/)
})

test("what pseudonymizing takes away for good is told before and after, by field", async () => {
  const { trail } = log()
  const keys = await key("k1")
  const options = { strategy: "hash", ...why, keys } as const
  const before = notePseudonymized(await trail.pseudonymize(jane, { ...options, dryRun: true }))
  const after = notePseudonymized(await trail.pseudonymize(jane, options))
  for (const [words, verb] of [
    [before, "would become"],
    [after, "became"],
  ] as const) {
    expect(words).toMatch(new RegExp(`gone for good.*ip_address 8.* ${verb} null`))
    expect(words).toMatch(new RegExp(`in text and JSON.*description 2.* ${verb} \\[erased\\], for good`))
    for (const word of janesWords) expect(words.toLowerCase()).not.toContain(word.toLowerCase())
  }
})
