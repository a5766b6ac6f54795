// Pseudonyms in the register of erasures: it names nobody, and with the key a restored log gets the very same pseudonyms again, and whom they stand for.
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { expect, test } from "vitest"
import { open } from "../../src/data/index.js"
import { describeReapplied } from "../../src/data/subject/describe-erased.js"
import { runInProcess } from "../cli/io.js"
import { backup } from "./subject-backup.js"
import { subject, values } from "./subject-pseudonym-fixture.js"
import { reapplyLogs, strategies, why } from "./subject-reapply-fixture.js"

const { log, register, lines, reapply, shown, leaks, intact, restored } = reapplyLogs()

test.each(strategies)(
  "with %s a restored log gets the very same pseudonyms again, in every field, and whom they stand for",
  async (strategy) => {
    const { trail, keys } = log()
    const { done, before } = await restored(strategy)
    expect(done).toMatchObject({
      events: "8",
      complete: true,
      register: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    expect(await shown()).not.toEqual(before)
    const tried = await reapply({ dryRun: true })
    expect(tried).toMatchObject({ complete: true, act: null, events: "0" })
    expect(tried.pseudonymizations).toMatchObject([
      { strategy, back: "8", replaced: "8", acts: [], why: null },
    ])
    expect(await shown()).not.toEqual(before)

    const again = await reapply()
    expect(again).toMatchObject({ complete: true, warnings: [], missing: [], events: "0" })
    expect(again.pseudonymizations).toMatchObject([
      { places: "8", already: "0", back: "8", replaced: "8", gone: "0", unknown: 0, why: null },
    ])
    expect(await shown()).toEqual(before)
    expect(await leaks()).toEqual([])
    await intact()
    for (const { pseudonym } of done.organizations) {
      const { identifiers } = await trail.reveal(pseudonym ?? "", { ...why, keys: keys("k1") })
      expect(identifiers).toEqual([
        { kind: "id", value: subject.id },
        { kind: "email", value: subject.email },
        { kind: "name", value: subject.name },
      ])
    }
    const twice = await reapply()
    expect(twice).toMatchObject({ complete: true, warnings: [], act: null })
    expect(twice.pseudonymizations).toMatchObject([
      { already: "8", replaced: "0", acts: [] },
      { already: "8", replaced: "0", acts: [] },
    ])
  },
)

test("the register names nobody, and an earlier pgtrail does not take it for one of erasures alone", async () => {
  await log().pseudonymize("token", { register: register() })
  const text = (await readFile(register(), "utf8")).normalize().toLowerCase()
  for (const value of values) expect(text).not.toContain(value)
  const [first = "", ...others] = await lines()
  expect(JSON.parse(first)).toMatchObject({
    schema: "pgtrail.erasure_register/2",
    ...{
      strategy: "token",
      key: "k1",
      joined: false,
      subject: [1, 2, 3].map(() => expect.stringMatching(/^[0-9a-f]{64}$/)),
    },
  })
  expect(JSON.parse(others.at(-1) ?? "")).toMatchObject({ line: "done" })
})

test("without the key the events stay as they are, and what to do is told", async () => {
  const { before } = await restored("token")
  const now = await shown()
  const left = await reapply({ keys: log().keys() })
  expect(left).toMatchObject({ act: null, complete: false })
  expect(left.pseudonymizations).toMatchObject([{ back: "8", replaced: "0" }])
  expect(left.pseudonymizations[0]?.why).toBe(
    "it takes its privacy key: --privacy-key k1=file:PATH; where nobody has it any more: --lost-key k1, which erases them instead",
  )
  expect(describeReapplied(left)).toMatch(/^left +8 events of act \d+ \(token\) as before: it takes/m)
  expect(await shown()).toEqual(now)
  const wrong = await reapply({ keys: log().having({ k1: Buffer.alloc(32, 7).toString("base64") }) })
  expect(wrong.pseudonymizations[0]?.why).toContain("is another key")
  expect(await shown()).toEqual(now)
  expect(await reapply()).toMatchObject({ complete: true })
  expect(await shown()).toEqual(before)
})

test("a key that was made after the backup is made known first, and what it made comes after", async () => {
  const { trail, folder, keys } = log()
  const restore = await backup(log())
  await trail.addPrivacyKey({ out: join(folder, "k2"), rotate: true })
  const done = await log().pseudonymize("encrypt", { keys: keys("k1", "k2"), register: register() })
  const before = await shown()
  await restore()
  const unknown = await reapply({ keys: keys("k1", "k2") })
  expect(unknown).toMatchObject({ complete: false })
  expect(unknown.pseudonymizations[0]?.why).toMatch(
    /^this log does not know the privacy key k2, .*: pgtrail gdpr key rotate k2 --privacy-key k2=file:PATH, then this once more/,
  )
  await trail.addPrivacyKey({ id: "k2", keys: keys("k2"), rotate: true })
  expect(await reapply({ keys: keys("k1", "k2") })).toMatchObject({ complete: true })
  expect(await shown()).toEqual(before)
  const { identifiers } = await trail.reveal(done.organizations[0]?.pseudonym ?? "", {
    ...why,
    keys: keys("k2"),
  })
  expect(identifiers).toHaveLength(3)
})

test("a key that is retired in the restored log makes no new pseudonym, and that is told", async () => {
  const { trail, folder, keys } = log()
  await restored("token")
  await trail.addPrivacyKey({ out: join(folder, "k2"), rotate: true })
  const left = await reapply({ keys: keys("k1", "k2") })
  expect(left.pseudonymizations[0]?.why).toMatch(/^its privacy key k1 is not active in this log any more/)
  expect(left.complete).toBe(false)
})

test("one pseudonym for all organizations comes back as one", async () => {
  const { before } = await restored("token", { joined: true })
  expect(await reapply()).toMatchObject({ complete: true })
  expect(await shown()).toEqual(before)
  expect(await log().db.query("select organization_id as o from pgtrail.pseudonym")).toEqual([{ o: null }])
  await intact()
})

test("identifiers that stand in no event that is back do not come back, and are counted", async () => {
  const { trail, keys } = log()
  const restore = await backup(log())
  const { organizations } = await trail.pseudonymize(
    [
      { kind: "id", value: subject.id },
      { kind: "device", value: "laptop-9" },
    ],
    { strategy: "hash", reason: "R-12", requestedBy: "dpo", keys: keys("k1"), register: register() },
  )
  await restore()
  const again = await reapply()
  expect(again).toMatchObject({ complete: true, pseudonymizations: [{ unknown: 1, why: null }] })
  expect(describeReapplied(again)).toMatch(
    /^unknown +1 identifier of that request stands in none of these events/m,
  )
  const { identifiers } = await trail.reveal(organizations[0]?.pseudonym ?? "", { ...why, keys: keys("k1") })
  expect(identifiers).toEqual([{ kind: "id", value: subject.id }])
})

test("what a hold is on stays, and is told", async () => {
  await restored("hash")
  await log().trail.addHold({ case: "C", reason: "r", organization: "globex" })
  const again = await reapply()
  expect(again.pseudonymizations).toMatchObject([{ back: "4", replaced: "4", held: "4" }])
  expect(again.complete).toBe(false)
  await log().trail.releaseHold("C", { reason: "r" })
  expect(await reapply()).toMatchObject({ complete: true })
  expect(await leaks()).toEqual([])
})

test("events that stood in an archive when they were given their pseudonym get it again where a restore brings them back into the log", async () => {
  const { db, trail, folder, keys } = log()
  await db.query("select pgtrail.set_setting('retention-grace', '0d')")
  const restore = await backup(log())
  const [partition] = await db.query(
    "select tableoid::regclass::text as name from pgtrail.event where tags is not null",
  )
  await trail.createArchives({
    to: pathToFileURL(folder).href,
    partition: partition?.name?.replace("pgtrail.", "") ?? "",
  })
  const done = await log().pseudonymize("token", { register: register() })
  expect(Number(done.archives[0]?.events)).toBeGreaterThan(0)
  await restore()
  const again = await reapply()
  expect(again).toMatchObject({ complete: true, warnings: [] })
  expect(again.pseudonymizations.at(-1)).toMatchObject({ back: done.archives[0]?.events, why: null })
  expect(await leaks()).toEqual([])
  await intact()
  const actors = await db.query(
    "select organization_id as o, actor_id as a from pgtrail.event where actor_id like 'p1:%' group by 1, 2 order by 1",
  )
  expect(actors.map(({ a }) => a)).toEqual(done.organizations.map(({ pseudonym }) => pseudonym))
  const revealed = await trail.reveal(actors[0]?.a ?? "", { ...why, keys: keys("k1") })
  expect(revealed.identifiers[0]).toEqual({ kind: "id", value: subject.id })
})

test("pgtrail_privacy may do all of it, and needs no other right", async () => {
  const { db, keys } = log()
  const { before } = await restored("token")
  const role = await db.role({ memberOf: ["pgtrail_privacy"] })
  const trail = await open({ connectionString: role.url })
  expect(await trail.reapply(register(), { keys: keys("k1") })).toMatchObject({
    complete: true,
    warnings: [],
  })
  await trail.close()
  expect(await shown()).toEqual(before)
})

test("the command ends with 4 where the key is missing, says what to do, and with 0 with it", async () => {
  const { db, folder } = log()
  const { before } = await restored("hash")
  const line = ["gdpr", "reapply", "--register", "register.jsonl"]
  const run = (...more: readonly string[]) =>
    runInProcess([...line, ...more], { env: { PGTRAIL_URL: db.url }, cwd: folder })
  expect(await run("--dry-run")).toMatchObject({
    exit: 4,
    stdout: expect.stringContaining("--privacy-key k1=file:PATH"),
  })
  expect(await run("--lost-key", "k2")).toMatchObject({
    exit: 2,
    stderr: expect.stringContaining("nothing was redacted"),
  })
  const done = await run("--privacy-key", "k1=file:k1")
  expect(done).toMatchObject({ exit: 0, stderr: "" })
  expect(done.stdout).toMatch(
    /^again +8 events of act \d+ \(hash\) with the same pseudonym, recorded as acts \d+, \d+$/m,
  )
  expect(await shown()).toEqual(before)
})

test("somebody whom the events of others only mention, in a sentence, in JSON or as a number, is recognized there", async () => {
  const { db, trail, keys } = log()
  await db.query(
    `insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id, description, details) values
       ('acme', '2026-02-02Z', 'a', 'u-4712', 'closed for M-90210.', '{"n": 1}'), ('globex', '2026-02-02Z', 'a', 'u-4712', null, '{"to": [90210777]}')`,
  )
  for (const id of ["M-90210", "90210777"]) {
    const restore = await backup(log())
    const asked = { strategy: "token", reason: "R-9", requestedBy: "dpo", keys: keys("k1") } as const
    const options = { ...asked, register: register(), inText: true }
    expect(await trail.pseudonymize([{ kind: "id", value: id }], options)).toMatchObject({ events: "1" })
    const before = await shown()
    await restore()
    const again = await reapply()
    expect(again.pseudonymizations.at(-1)).toMatchObject({ back: "1", replaced: "1", unknown: 0, why: null })
    expect(await shown()).toEqual(before)
  }
})
