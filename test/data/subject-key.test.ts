// The keys of pseudonyms: made into files, rotated, destroyed, each by an act; and each way in which one can fail has its own words.
import { readFile, rm, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, test } from "vitest"
import { noPrivacyKeys } from "../../src/data/subject/keys.js"
import { failureOf } from "./failure.js"
import { keyLogs } from "./subject-key-fixture.js"

const log = keyLogs()
const key = (byte: number): string => Buffer.alloc(32, byte).toString("base64")

const acts = () =>
  log()
    .db.query("select parameters::text as p from pgtrail.act where kind = 'privacy_key' order by seq")
    .then((rows) => rows.map(({ p }) => JSON.parse(p ?? "")))

test("a key is 32 random bytes in a new file for its user alone, and the database never sees it", async () => {
  const { db, trail, folder, keys } = log()
  const out = join(folder, "k1")
  expect(await trail.addPrivacyKey({ out })).toMatchObject({ key_id: "k1", file: out, retired: null })
  const text = (await readFile(out, "utf8")).trim()
  expect(Buffer.from(text, "base64")).toHaveLength(32)
  expect((await stat(out)).mode & 0o777).toBe(0o600)
  expect(await trail.privacyKeys(keys("k1"))).toMatchObject([
    { key_id: "k1", state: "active", pseudonyms: "0", originals: "0", here: "yes" },
  ])
  expect(await acts()).toEqual([{ step: "create", key: "k1", pseudonyms: 0 }])
  const hex = Buffer.from(text, "base64").toString("hex")
  for (const table of ["privacy_key", "act"]) {
    const rows = await db.query(`select t::text as t from pgtrail.${table} t`)
    expect(JSON.stringify(rows)).not.toContain(text)
    expect(JSON.stringify(rows)).not.toContain(hex)
  }
})

test("a file that is there is never written over, and nothing is recorded then", async () => {
  const { trail, folder } = log()
  const out = join(folder, "k1")
  await writeFile(out, "mine")
  expect(await failureOf(trail.addPrivacyKey({ out }))).toMatchObject({ code: "usage" })
  expect(await readFile(out, "utf8")).toBe("mine")
  expect(await acts()).toEqual([])
})

test("where the log refuses a key, no file is left of it", async () => {
  const { trail, folder } = log()
  await trail.addPrivacyKey({ out: join(folder, "k1") })
  for (const options of [{}, { id: "k1" }, { id: "K 2" }, { id: "none" }, { id: "k1", rotate: true }]) {
    const out = join(folder, "next")
    const error = await failureOf(trail.addPrivacyKey({ ...options, out }))
    expect(error).toMatchObject({ code: "usage", hint: expect.stringMatching(/^nothing was changed/i) })
    await expect(stat(out)).rejects.toThrow("ENOENT")
  }
  expect(await acts()).toHaveLength(1)
})

test("a key that was made elsewhere is made known without a file, and not twice under two names", async () => {
  const { trail, having } = log()
  const keys = having({ vault: key(1), other: key(1) })
  expect(await trail.addPrivacyKey({ id: "vault", keys })).toMatchObject({ key_id: "vault", file: null })
  expect((await failureOf(trail.addPrivacyKey({ id: "other", keys, rotate: true }))).message).toMatch(
    /known already/,
  )
  expect(await failureOf(trail.addPrivacyKey({ id: "k3" }))).toMatchObject({ code: "usage" })
})

test("a rotation retires the active key and makes the next; without an active one there is nothing to rotate", async () => {
  const { trail, folder, keys } = log()
  const error = await failureOf(trail.addPrivacyKey({ out: join(folder, "k1"), rotate: true }))
  expect(`${error.message} ${error.hint}`).toMatch(/gdpr key create/)
  await trail.addPrivacyKey({ out: join(folder, "k1") })
  expect(await trail.addPrivacyKey({ out: join(folder, "k2"), rotate: true })).toMatchObject({
    key_id: "k2",
    retired: "k1",
  })
  expect(
    (await trail.privacyKeys(keys("k2"))).map(({ key_id, state, here }) => [key_id, state, here]),
  ).toEqual([
    ["k1", "retired", "no"],
    ["k2", "active", "yes"],
  ])
  expect(await acts()).toMatchObject([{ step: "create" }, { step: "rotate", key: "k2" }])
})

test("to destroy takes the key's name once more; then its file is gone, and its name is never used again", async () => {
  const { trail, folder, keys } = log()
  const out = join(folder, "k1")
  await trail.addPrivacyKey({ out })
  const given = { keys: keys("k1") }
  for (const confirm of [undefined, "K1", "k2", ""]) {
    expect(await failureOf(trail.destroyPrivacyKey("k1", { ...given, confirm }))).toMatchObject({
      code: "usage",
      hint: expect.stringContaining("--confirm k1"),
    })
  }
  await stat(out)
  expect(await trail.destroyPrivacyKey("k1", { ...given, confirm: "k1" })).toMatchObject({
    pseudonyms: "0",
    file: out,
    act: expect.any(String),
  })
  await expect(stat(out)).rejects.toThrow("ENOENT")
  expect(await trail.destroyPrivacyKey("k1", { ...given, confirm: "k1" })).toMatchObject({
    act: null,
    file: null,
  })
  expect(await acts()).toMatchObject([{ step: "create" }, { step: "destroy", key: "k1", pseudonyms: 0 }])
  expect(await failureOf(trail.addPrivacyKey({ id: "k1", out }))).toMatchObject({ code: "usage" })
  expect(await trail.addPrivacyKey({ out })).toMatchObject({ key_id: "k2" })
  expect(await failureOf(trail.destroyPrivacyKey("k9", { confirm: "k9" }))).toMatchObject({
    code: "not-found",
  })
})

test("a file that holds something else than the key is not removed, and the log does not forget then", async () => {
  const { trail, folder, keys } = log()
  await trail.addPrivacyKey({ out: join(folder, "k1") })
  await writeFile(join(folder, "k1"), "letters to grandmother")
  expect(await failureOf(trail.destroyPrivacyKey("k1", { keys: keys("k1"), confirm: "k1" }))).toMatchObject({
    code: "config",
  })
  expect(await readFile(join(folder, "k1"), "utf8")).toBe("letters to grandmother")
  expect(await trail.privacyKeys()).toMatchObject([{ state: "active" }])
})

test("no key, a missing, a wrong, no real, and a destroyed one: each is refused in words of its own, and changes nothing", async () => {
  const { trail, folder, keys, having } = log()
  const said: string[] = []
  const refused = async (given = noPrivacyKeys): Promise<void> => {
    const error = await failureOf(
      trail.pseudonymize([{ kind: "id", value: "u1" }], {
        strategy: "hash",
        reason: "r",
        requestedBy: "dpo",
        keys: given,
      }),
    )
    expect(error).toMatchObject({ code: "config", hint: expect.stringMatching(/^nothing was changed; /) })
    said.push(error.message)
  }
  await refused()
  await trail.addPrivacyKey({ out: join(folder, "k1") })
  await refused()
  await refused(having({ k1: key(7) }))
  await refused(having({ k1: "short" }))
  await refused(having({ k1: `${key(7)}${key(7)}` }))
  await trail.destroyPrivacyKey("k1", { keys: keys("k1"), confirm: "k1" })
  await refused(keys("k1"))
  expect(said).toEqual([
    "this log has no privacy key",
    "the privacy key k1 is needed, and was not given",
    "what was given as the privacy key k1 is another key",
    "what was given as the privacy key k1 is none: 32 bytes in base64",
    "what was given as the privacy key k1 is none: 32 bytes in base64",
    "no privacy key of this log is active any more",
  ])
})

test("a list tells which keys are at hand, and which are not what they should be", async () => {
  const { trail, folder, keys, having } = log()
  await trail.addPrivacyKey({ out: join(folder, "k1") })
  const here = async (given = noPrivacyKeys) => (await trail.privacyKeys(given)).map((one) => one.here)
  expect(await here()).toEqual(["no"])
  expect(await here(keys("k1"))).toEqual(["yes"])
  expect(await here(having({ k1: key(7) }))).toEqual(["wrong"])
  await rm(join(folder, "k1"))
  expect(await here(keys("k1"))).toEqual(["unreadable"])
})
