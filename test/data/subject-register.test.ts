// What a register of erasures lacks, and what is said of archives that a restored log knows by the name of before.
import { copyFile, cp, mkdir, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { expect, test } from "vitest"
import { describeReapplied, describeReceipt } from "../../src/data/subject/describe-erased.js"
import { failureOf } from "./failure.js"
import { backup } from "./subject-backup.js"
import { jane, subjectLogs } from "./subject-fixture.js"

const log = subjectLogs()

test("erasures of the log that the register does not have are told, and so is that it cannot tell of pseudonymizations", async () => {
  const { erase, trail, path } = log()
  const { receipt } = await erase({ organizations: ["acme"] })
  expect(receipt === null ? "" : describeReceipt(receipt)).toMatch(/^register +none: .*--register/m)
  const second = await erase({ register: path("r") })
  expect(second.receipt === null ? "" : describeReceipt(second.receipt)).toMatch(/^register +sha256 /m)
  const told = `1 erasure of this log is not in the register (act ${receipt?.act}): after a restore of an older backup it cannot erase that again`
  expect((await trail.reapply(path("r"))).warnings).toEqual([told])
  await trail.addPrivacyKey({ out: path("k1") })
  expect((await trail.reapply(path("r"), { dryRun: true })).warnings).toEqual([
    told,
    expect.stringMatching(
      /^the register lists no pseudonymization, and cannot tell whether there was one: .*gdpr pseudonymize/,
    ),
  ])
})

test("archives of a restored log that still have what was erased are told, until they have it no more", async () => {
  const { erase, trail, db, path, folder } = log()
  await db.query("select pgtrail.set_setting('retention-grace', '0d')")
  await trail.createArchives({ to: pathToFileURL(folder).href, partition: "event_2026_02" })
  const restore = await backup(log())
  const { receipt } = await erase({ register: path("r") })
  const [{ archive, events } = { archive: "", events: "" }] = receipt?.archives ?? []
  expect((await trail.reapply(path("r"))).archives).toEqual([])
  await restore()
  const told = { archive, location: pathToFileURL(folder).href, events, restored: false }
  // The erasure wrote it anew, which this log does not know: it is told, and no value is left.
  const by = receipt?.archives[0]?.new_name ?? ""
  const replaced = [{ ...told, files: "replaced", replaced_by: by }]
  for (const dryRun of [true, false]) {
    const done = await trail.reapply(path("r"), { dryRun })
    expect(done).toMatchObject({ archives: replaced, complete: true })
    expect(describeReapplied(done)).toContain(`an erasure wrote ${by} in its place`)
  }
  // Where nothing is in its place its files may be anywhere, with the values.
  const manifest = join(folder, by, "manifest.json")
  await rename(manifest, join(folder, "away"))
  const gone = await trail.reapply(path("r"))
  expect(gone).toMatchObject({ archives: [{ ...told, files: "gone" }], complete: false })
  expect(describeReapplied(gone)).toContain(`put them back, then pgtrail archive restore ${archive}`)
  await mkdir(join(folder, archive))
  await copyFile(join(folder, "away"), join(folder, archive, "manifest.json"))
  const there = await trail.reapply(path("r"))
  expect(there).toMatchObject({ archives: [{ ...told, files: "there" }], complete: false })
  expect(describeReapplied(there)).toContain(`still has values of`)
})

test("an archive that was written anew twice since the backup is followed to the newest; what was left in between is told, and not complete", async () => {
  const { erase, trail, db, path, folder } = log()
  await db.query("select pgtrail.set_setting('retention-grace', '0d')")
  await trail.createArchives({ to: pathToFileURL(folder).href, partition: "event_2026_02" })
  const restore = await backup(log())
  const { receipt } = await erase({ register: path("r") })
  const between = receipt?.archives[0]?.new_name ?? ""
  const kept = `${folder}-kept`
  await cp(path(between), kept, { recursive: true })
  const why = { reason: "r", requestedBy: "w", confirm: "u-2", register: path("r") }
  const second = await trail.eraseSubject([{ kind: "id", value: "u-2" }], why)
  const newest = second.receipt?.archives[0]?.new_name
  await restore()
  const replaced = { files: "replaced", replaced_by: newest, left: [] }
  expect(await trail.reapply(path("r"))).toMatchObject({ complete: true, archives: [replaced] })
  // It is all that is left of these events.
  expect((await trail.findSubject(jane)).archives).toMatchObject([
    { searched: false, why: expect.stringContaining("where they are gone for good: pgtrail archive remove") },
    {
      archive: newest,
      searched: false,
      why: expect.stringMatching(/whose files are gone, .* keep it; pgtrail gdpr reapply/),
    },
  ])
  // As where it could not be taken away.
  await cp(kept, path(between), { recursive: true })
  await rm(kept, { recursive: true })
  const done = await trail.reapply(path("r"))
  expect(done).toMatchObject({ complete: false, archives: [{ ...replaced, left: [between] }] })
  expect(describeReapplied(done)).toContain(
    `lies there still, and may have values that were erased later: pgtrail archive remove ${between} --confirm`,
  )
})

test("a file that is no register is refused, and not taken for one of a run that was killed", async () => {
  const { trail, path } = log()
  await writeFile(path("r"), "a host\n")
  expect(await failureOf(trail.reapply(path("r")))).toMatchObject({
    code: "broken",
    message: expect.stringMatching(/ is no register of erasures$/),
    hint: expect.stringContaining("nothing was erased"),
  })
  // Of a run that was killed at its first line.
  await writeFile(path("r"), '{"line":"begin","sch')
  expect(await trail.reapply(path("r"))).toMatchObject({ events: "0" })
})
