// Pseudonyms in the register of erasures: runs that were killed, registers that lack or forge something, keys that are lost, and people who were erased after.
import { readFile, writeFile } from "node:fs/promises"
import { expect, test, vi } from "vitest"
import { TrailError } from "../../src/data/errors.js"
import { describeReapplied } from "../../src/data/subject/describe-erased.js"
import { notePseudonymized } from "../../src/data/subject/describe-pseudonym.js"
import { RegisterFile } from "../../src/data/subject/register.js"
import { failureOf } from "./failure.js"
import { backup } from "./subject-backup.js"
import { subject } from "./subject-pseudonym-fixture.js"
import { reapplyLogs, why } from "./subject-reapply-fixture.js"

const { log, register, lines, reapply, shown, leaks, intact, restored } = reapplyLogs()

test("where nobody has the key any more its events are erased instead: one token an organization, which leads to nobody", async () => {
  const { done } = await restored("hash")
  const options = { keys: log().keys(), lostKeys: ["k1"] }
  expect(await failureOf(reapply({ lostKeys: ["k1"] }))).toMatchObject({ code: "usage" })
  expect(await failureOf(reapply({ ...options, lostKeys: ["k9"] }))).toMatchObject({ code: "usage" })
  expect(await reapply({ ...options, dryRun: true })).toMatchObject({ complete: true, events: "8" })
  const again = await reapply(options)
  expect(again).toMatchObject({
    complete: true,
    events: "8",
    warnings: [expect.stringContaining("by a lost key")],
  })
  expect(await leaks()).toEqual([])
  await intact()
  const { createHash } = await import("node:crypto")
  const tokens = done.organizations.map(
    ({ pseudonym }) =>
      `p1:t:none:${createHash("sha256")
        .update(pseudonym ?? "")
        .digest()
        .subarray(0, 16)
        .toString("base64url")}`,
  )
  const actors = await log().db.query(
    "select organization_id as o, actor_id as a from pgtrail.event where actor_id like 'p1:%' group by 1, 2 order by 1",
  )
  expect(actors.map(({ a }) => a)).toEqual(tokens)
  expect(
    await failureOf(log().trail.reveal(tokens[0] ?? "", { ...why, keys: log().keys("k1") })),
  ).toMatchObject({
    code: "not-found",
  })
  expect(await reapply(options)).toMatchObject({ act: null, complete: true })
})

test("who was erased after is erased again and gets no pseudonym, and that needs no key", async () => {
  const { trail, keys, db } = log()
  const restore = await backup(log())
  const { organizations } = await log().pseudonymize("token", { register: register() })
  // An event that had the address alone has the pseudonym there alone.
  const also = { kind: "email", value: organizations[1]?.pseudonym ?? "" } as const
  const erased = await trail.eraseSubject([{ kind: "id", value: subject.id }, also], {
    ...{
      reason: "Article 17",
      requestedBy: "R-13",
      confirm: subject.id,
      keys: keys("k1"),
      register: register(),
    },
  })
  expect(erased).toMatchObject({ complete: true, pseudonyms: 2 })
  const before = await shown()
  await restore()
  expect(await reapply({ keys: keys(), dryRun: true })).toMatchObject({ complete: true, events: "8" })
  const again = await reapply({ keys: keys() })
  expect(again).toMatchObject({ complete: true, events: "8", warnings: [] })
  expect(again.pseudonymizations).toMatchObject([{ already: "8", back: "0", why: null }])
  expect(await shown()).toEqual(before)
  expect(await db.query("select from pgtrail.pseudonym")).toEqual([])
  expect(await leaks()).toEqual([])
  await intact()
})

test("a run that was killed after its commit is in the register, and one that did not commit is void there", async () => {
  const { before } = await restored("hash")
  const all = await lines()
  expect(JSON.parse(all.at(-1) ?? "")).toMatchObject({ line: "done" })
  await writeFile(register(), `${all.slice(0, -1).join("\n")}\n`)
  const again = await reapply()
  expect(again.warnings).toEqual([
    expect.stringMatching(/^one pseudonymization was about to commit and never seen to end/),
  ])
  expect(await shown()).toEqual(before)

  const { db, trail } = log()
  await trail.append({
    organization_id: "acme",
    event_type: "x",
    occurred_at: "2026-02-15T00:00:00Z",
    actor_id: subject.id,
  })
  await db.query(
    "create function public.refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$",
  )
  await db.query(
    "create constraint trigger refuse after insert on pgtrail.act deferrable initially deferred for each row execute function public.refuse()",
  )
  await failureOf(log().pseudonymize("hash", { register: register() }))
  expect(JSON.parse((await lines()).at(-1) ?? "")).toMatchObject({ line: "void" })
})

test("a run that was killed before the register had all of it is told as one that was not committed, and a rerun finishes", async () => {
  await restored("hash")
  const all = await lines()
  const at = all.findIndex((line) => line.includes('"line":"written"'))
  await writeFile(register(), `${all.slice(0, at).join("\n")}\n`)
  const torn = await reapply()
  expect(torn).toMatchObject({ complete: false, pseudonymizations: [] })
  expect(torn.missing).toEqual([expect.stringMatching(/ends within the pseudonymization of act \d+/)])
  expect(torn.warnings[0]).toMatch(/^one pseudonymization is not written to the end/)
  await log().pseudonymize("hash", { register: register() })
  expect(await reapply()).toMatchObject({ complete: true, missing: [] })
})

/** With the sums of its entries made anew, as whoever alters it would. */
async function altered(alter: (text: string) => string): Promise<void> {
  const { createHash } = await import("node:crypto")
  const text = await readFile(register(), "utf8")
  const changed = alter(text)
  expect(changed).not.toBe(text)
  const all = changed.trimEnd().split("\n")
  const at = all.findIndex((line) => line.includes('"line":"written"'))
  const sum = createHash("sha256")
    .update(`${all.slice(0, at).join("\n")}\n`)
    .digest("hex")
  all[at] = (all[at] ?? "").replace(/"sha256":"\w+"/, `"sha256":"${sum}"`)
  await writeFile(register(), `${all.join("\n")}\n`)
}

test.each([
  ["of another person", (text: string) => text.replaceAll(/p1:h:k1:.{4}/g, "p1:h:k1:AAAA")],
  ["of another strategy", (text: string) => text.replaceAll("p1:h:k1:", "p1:t:k1:")],
  ["in an erasure", (text: string) => text.replace("register/2", "register/1").replace('"hash"', '"erase"')],
  ["without a key", (text: string) => text.replace('"key":"k1"', '"key":null')],
])("a register that brings a pseudonym %s is refused, and nothing is changed", async (_, alter) => {
  await restored("hash")
  const now = await shown()
  await altered(alter)
  expect(await failureOf(reapply())).toMatchObject({ code: "broken" })
  expect(await shown()).toEqual(now)
})

test("what is done again goes into the register, so that no further restore loses it; where it cannot be written nothing is done", async () => {
  const { before } = await restored("token")
  const now = await shown()
  const opened = vi
    .spyOn(RegisterFile, "open")
    .mockRejectedValueOnce(new TrailError("file", "the register is on a disk that takes no writes"))
  const left = await reapply()
  opened.mockRestore()
  expect(left.pseudonymizations[0]?.why).toBe(
    "what is done must be told to the register: the register is on a disk that takes no writes",
  )
  expect(left.complete).toBe(false)
  expect(await shown()).toEqual(now)
  const restore = await backup(log())
  expect((await reapply()).complete).toBe(true)
  expect((await lines()).filter((line) => line.includes('"line":"begin"'))).toHaveLength(2)
  expect((await reapply()).warnings).toEqual([])
  await restore()
  expect(await reapply()).toMatchObject({ complete: true })
  expect(await shown()).toEqual(before)
})

test("pseudonymizations of the log that the register does not have are told, and that it has none at all", async () => {
  const { trail } = log()
  const done = await log().pseudonymize("hash")
  expect(notePseudonymized(done)).toContain(
    "in no register: whoever restores a backup of before brings the person back",
  )
  await writeFile(register(), "")
  expect((await trail.reapply(register())).warnings).toEqual([
    expect.stringMatching(
      new RegExp(
        `^1 pseudonymization of this log is not in the register \\(act ${done.act}\\): .*gdpr pseudonymize`,
      ),
    ),
    expect.stringMatching(/^the register lists no pseudonymization, and cannot tell whether there was one: /),
  ])
  await trail.append({
    organization_id: "acme",
    event_type: "x",
    occurred_at: "2026-02-15T00:00:00Z",
    actor_id: subject.id,
  })
  const second = await log().pseudonymize("hash", { register: register() })
  expect(notePseudonymized(second)).not.toContain("in no register")
  expect((await reapply()).warnings).toEqual([expect.stringContaining(`(act ${done.act})`)])
})

test("an erasure of somebody who had a pseudonym already when the backup was made is made again: the pseudonym and whom it stands for are gone", async () => {
  const { trail, keys, db } = log()
  const { organizations } = await log().pseudonymize("token", { register: register() })
  const restore = await backup(log())
  const also = { kind: "email", value: organizations[1]?.pseudonym ?? "" } as const
  await trail.eraseSubject([{ kind: "id", value: subject.id }, also], {
    ...{
      reason: "Article 17",
      requestedBy: "R-13",
      confirm: subject.id,
      keys: keys("k1"),
      register: register(),
    },
  })
  await restore()
  expect(await db.query("select from pgtrail.pseudonym")).toHaveLength(2)
  const tried = await reapply({ keys: keys(), dryRun: true })
  expect(tried.forgotten).toMatchObject([{ events: "8", again: null, why: null }])
  const again = await reapply({ keys: keys() })
  expect(again.forgotten).toMatchObject([{ events: "8", again: expect.stringMatching(/^\d+$/), why: null }])
  expect(again).toMatchObject({ complete: true, warnings: [] })
  expect(await db.query("select from pgtrail.pseudonym")).toEqual([])
  expect(await db.query("select from pgtrail.event e where e::text like '%p1:%'")).toEqual([])
  const revealed = trail.reveal(organizations[0]?.pseudonym ?? "", { ...why, keys: keys("k1") })
  expect(await failureOf(revealed)).toMatchObject({ code: "not-found" })
  await intact()
  const twice = await reapply({ keys: keys() })
  expect(twice).toMatchObject({ complete: true, forgotten: [], warnings: [], act: null })
})

test("a pseudonym that an erasure took away, and that stands elsewhere too in the restored log, is told and not erased", async () => {
  const { trail, keys, db } = log()
  const { organizations } = await log().pseudonymize("hash", { register: register() })
  const restore = await backup(log())
  await trail.eraseSubject([{ kind: "id", value: subject.id }], {
    ...{
      reason: "Article 17",
      requestedBy: "R-13",
      confirm: subject.id,
      keys: keys("k1"),
      register: register(),
    },
  })
  await restore()
  await trail.append({
    ...{ organization_id: "acme", event_type: "x", occurred_at: "2026-02-15T00:00:00Z" },
    actor_id: organizations[0]?.pseudonym ?? "",
  })
  const again = await reapply()
  expect(again.complete).toBe(false)
  expect(again.forgotten[0]?.why).toContain(`pgtrail gdpr erase ${organizations[0]?.pseudonym} --also email=`)
  expect(describeReapplied(again)).toMatch(/^left +9 events with a pseudonym of the erasure of act \d+: /m)
  expect(await db.query("select from pgtrail.pseudonym")).toHaveLength(2)
})

test("a file that is no register is not written to: nothing is changed, and its words say so", async () => {
  await writeFile(register(), "a host\n")
  const now = await shown()
  expect(await failureOf(log().pseudonymize("hash", { register: register() }))).toMatchObject({
    code: "usage",
    hint: expect.stringMatching(/^nothing was changed; name the file/),
  })
  expect(await shown()).toEqual(now)
  expect(await lines()).toEqual(["a host"])
})
