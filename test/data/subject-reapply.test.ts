// The register of erasures: it names no value, is on the disk before the commit, and makes a restored log forget again.

import { appendFile, readFile, stat, writeFile } from "node:fs/promises"
import { pathToFileURL } from "node:url"
import { expect, test } from "vitest"
import { failureOf } from "./failure.js"
import { backup } from "./subject-backup.js"
import { jane, janesWords, type SubjectLog, subjectLogs } from "./subject-fixture.js"

const log = subjectLogs()

const registers = new WeakMap<SubjectLog["db"], string>()
/** The register of an erasure that this log, restored, knows nothing of; of each database it is made once. */
async function registered(): Promise<string> {
  const { db, erase, path, read } = log()
  let text = registers.get(db)
  if (text === undefined) {
    const restore = await backup(log())
    await erase({ register: path("made") })
    await restore()
    text = await read("made")
    registers.set(db, text)
  }
  return text
}

test("after a restore the register makes the log forget again, once", async () => {
  const { erase, trail, traces, intact, path, read, count } = log()
  const restore = await backup(log())
  const register = path("register.jsonl")
  const { receipt } = await erase({ register })
  expect(await traces(...janesWords)).toEqual([])
  expect(await trail.reapply(register)).toMatchObject({ act: null, events: "0", already: "10", gone: "0" })

  await restore()
  expect(await count("e.actor_id = 'u-jane'")).toBe(8)
  expect(await trail.reapply(register, { dryRun: true })).toMatchObject({
    act: null,
    events: "10",
    already: "0",
  })
  expect(await count("e.actor_id = 'u-jane'")).toBe(8)
  const again = await trail.reapply(register)
  expect(again).toMatchObject({ events: "10", already: "0", gone: "0", complete: true, warnings: [] })
  expect(again.act).not.toBeNull()
  expect(await traces(...janesWords)).toEqual([])
  await intact()
  expect(await trail.reapply(register)).toMatchObject({ act: null, events: "0", already: "10" })

  const text = await read("register.jsonl")
  for (const word of janesWords) expect(text.toLowerCase()).not.toContain(word.toLowerCase())
  expect((await stat(register)).mode & 0o777).toBe(0o600)
  expect(text).toContain(receipt?.register ?? "none")
})

test("a token of what a law keeps is the same after a restore", async () => {
  const { erase, trail, db, path, intact } = log()
  await db.query("select pgtrail.add_subject_rule('keep', 'auth', null, null, null, null, null)")
  const restore = await backup(log())
  await erase({ register: path("r") })
  const tokens = () =>
    db.query(
      "select e.organization_id, e.lane, e.seq, e.actor_id from pgtrail.event e where e.actor_id like 'p1:%' order by 1, 2, 3",
    )
  const before = await tokens()
  expect(before.length).toBeGreaterThan(0)
  await restore()
  await trail.reapply(path("r"))
  expect(await tokens()).toEqual(before)
  await intact()
})

test("what is gone since is counted, and what a hold is on stays", async () => {
  const { erase, trail, db, path, count } = log()
  const restore = await backup(log())
  await erase({ register: path("r") })
  await restore()
  await trail.addHold({ case: "C", reason: "r", organization: "globex" })
  await db.query("select pgtrail.set_setting('retention-grace', '0d')")
  await trail.purgeOrganization("acme", { reason: "over", confirm: "acme" })
  const done = await trail.reapply(path("r"))
  expect(done).toMatchObject({ act: null, events: "0", gone: "5", held: "5", complete: false })
  expect(await count("e.actor_id = 'u-jane'")).toBe(4)
})

test("events that stood in an archive when they were erased are erased again where a restore brings them back into the log", async () => {
  const { erase, trail, db, path, folder, traces } = log()
  await db.query("select pgtrail.set_setting('retention-grace', '0d')")
  const restore = await backup(log())
  await trail.createArchives({ to: pathToFileURL(folder).href, partition: "event_2026_02" })
  const { receipt } = await erase({ register: path("r") })
  const archived = Number(receipt?.archives[0]?.events)
  expect(archived).toBeGreaterThan(0)
  expect(Number(receipt?.events) + archived).toBe(10)
  await restore()
  const done = await trail.reapply(path("r"))
  expect(done).toMatchObject({ events: "10", gone: "0", warnings: [] })
  expect(done.erasures).toHaveLength(2)
  expect(await traces(...janesWords)).toEqual([])
})

test("a register that was cut off in its last line is read up to there, with a warning", async () => {
  const { trail, path } = log()
  await writeFile(path("r"), await registered())
  await appendFile(path("r"), '{"schema":"pgtrail.erasure_register/1","line":"begin","id":"0')
  const done = await trail.reapply(path("r"))
  expect(done.events).toBe("10")
  expect(done.warnings).toEqual([expect.stringMatching(/cut off/)])
  // The next erasure goes on in a line of its own.
  await trail.eraseSubject([{ kind: "id", value: "u-1" }], {
    reason: "r",
    requestedBy: "w",
    confirm: "u-1",
    register: path("r"),
  })
  expect((await trail.reapply(path("r"))).erasures).toHaveLength(2)
})

test("a register that was cut in its middle is not complete, and tells which erasure of this log it has not all of", async () => {
  const { erase, trail, path, read } = log()
  const restore = await backup(log())
  const { receipt } = await erase({ register: path("r") })
  const lines = (await read("r")).split("\n")
  await writeFile(path("torn"), `${lines.slice(0, 2).join("\n")}\n${(lines[2] ?? "").slice(0, 40)}`)
  await writeFile(path("short"), `${lines.slice(0, 2).join("\n")}\n`)
  for (const name of ["torn", "short"]) {
    const here = await trail.reapply(path(name), { dryRun: true })
    expect(here).toMatchObject({ complete: false, erasures: [] })
    expect(here.missing).toEqual([
      expect.stringMatching(`act ${receipt?.act}, which this log has, is not all in the register`),
    ])
  }
  await restore()
  const after = await trail.reapply(path("short"))
  expect(after).toMatchObject({ act: null, complete: false })
  expect(after.missing).toEqual([expect.stringContaining("does not know whether that was committed")])
  // Of a run that was killed: what comes after it shows that nothing was lost.
  await erase({ register: path("short") })
  expect(await trail.reapply(path("short"))).toMatchObject({ missing: [], complete: true, already: "10" })
})

test("an erasure of which nobody saw the end is redacted again, and one that was taken back is not", async () => {
  const { trail, path } = log()
  const lines = (await registered()).trimEnd().split("\n")
  expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ line: "done" })
  await writeFile(
    path("void"),
    `${[...lines.slice(0, -1), (lines.at(-1) ?? "").replace("done", "void")].join("\n")}\n`,
  )
  expect(await trail.reapply(path("void"))).toMatchObject({ events: "0", erasures: [] })
  await writeFile(path("open"), `${lines.slice(0, -1).join("\n")}\n`)
  const done = await trail.reapply(path("open"))
  expect(done.events).toBe("10")
  expect(done.warnings).toEqual([expect.stringMatching(/never seen to end/)])
})

test("an erasure that fails after the register was told of it is void there", async () => {
  const { erase, db, path, read, count } = log()
  await db.query(
    `create function public.refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$`,
  )
  await db.query(
    "create constraint trigger refuse after insert on pgtrail.act deferrable initially deferred for each row execute function public.refuse()",
  )
  await failureOf(erase({ register: path("r") })).catch(() => undefined)
  expect(await count("e.actor_id = 'u-jane'")).toBe(8)
  const last = (await read("r")).trimEnd().split("\n").at(-1) ?? ""
  expect(JSON.parse(last)).toMatchObject({ line: "void" })
})

test.each([
  ["a place", (text: string) => text.replace(/"seq":"\d+/, '"seq":"99')],
  ["a field", (text: string) => text.replace('"actor_id"', '"user_agent"')],
  ["a line less", (text: string) => text.replace(/\{"line":"places".*\n/, "")],
  ["another form", (text: string) => text.replaceAll("erasure_register/1", "erasure_register/2")],
])("a register that was altered is refused, and nothing is changed: %s", async (_, alter) => {
  const { trail, path, count } = log()
  const text = await registered()
  expect(alter(text)).not.toBe(text)
  await writeFile(path("r"), alter(text))
  expect(await failureOf(trail.reapply(path("r")))).toMatchObject({ code: "broken" })
  expect(await count("e.actor_id = 'u-jane'")).toBe(8)
})

test("a register of another log is refused", async () => {
  const { trail, path } = log()
  const text = await registered()
  const other = text.replaceAll(/"log_id":"[^"]+"/g, '"log_id":"00000000-0000-4000-8000-000000000000"')
  const { createHash } = await import("node:crypto")
  const lines = other.trimEnd().split("\n")
  const at = lines.findIndex((line) => line.includes('"line":"written"'))
  const sha256 = createHash("sha256")
    .update(
      lines
        .slice(0, at)
        .map((line) => `${line}\n`)
        .join(""),
    )
    .digest("hex")
  lines[at] = (lines[at] ?? "").replace(/"sha256":"\w+"/, `"sha256":"${sha256}"`)
  await writeFile(path("other"), `${lines.join("\n")}\n`)
  expect(await failureOf(trail.reapply(path("other")))).toMatchObject({ code: "other-log" })
})

test("a register that cannot be written stops the erasure before anything is changed", async () => {
  const { erase, count } = log()
  expect(await failureOf(erase({ register: "/nowhere/register" }))).toMatchObject({ code: "file" })
  expect(await count("e.actor_id = 'u-jane'")).toBe(8)
})

test("with a privacy key the register can be asked for a subject, by keyed hashes alone", async () => {
  const { erase, trail, path, read } = log()
  const { key_id: id } = await trail.addPrivacyKey({ out: path("key") })
  const keys = { ids: [id], read: async () => readFile(path("key"), "utf8") }
  await erase({ register: path("r"), keys })
  const [first = ""] = (await read("r")).split("\n")
  const { key, subject } = JSON.parse(first)
  expect(key).toBe(id)
  expect(subject).toHaveLength(jane.length)
  expect(subject[0]).toMatch(/^[0-9a-f]{64}$/)
})
