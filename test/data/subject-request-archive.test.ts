// Archives in the register of requests: those that are to be seen to, until they are.
import { chmod, mkdir, readdir, rename } from "node:fs/promises"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { expect, test } from "vitest"
import { describeReceipt } from "../../src/data/subject/describe-erased.js"
import type { Receipt } from "../../src/data/subject/receipt.js"
import { describeRequest } from "../../src/data/subject/request-words.js"
import { subjectLogs } from "./subject-fixture.js"

const log = subjectLogs()

test("where an archive was written anew, and a hold keeps values, the request names the one that has them now", async () => {
  const { trail, erase, db, folder } = log()
  await db.query("select pgtrail.set_setting('retention-grace', '0d')")
  await trail.createArchives({ to: pathToFileURL(folder).href, partition: "event_2026_02" })
  const [name = ""] = await readdir(folder)
  await trail.addRequest({ kind: "erasure", request: "R-2" })
  await db.query("select pgtrail.add_hold('C-1', 'suit', 'globex')")
  const first = await erase({ request: "R-2", register: join(folder, "r") })
  const [held] = first.receipt?.archives ?? []
  expect(held).toMatchObject({ archive: name, new_name: expect.any(String), left: null })
  const names = async () =>
    (await trail.subjectRequest("R-2")).recipients.map(({ kind, name: of, done }) => ({
      kind,
      name: of,
      done,
    }))
  expect(await names()).toEqual([{ kind: "archive", name: held?.new_name, done: undefined }])
})

test("the receipt names the register also where archives alone had something to erase", async () => {
  const { trail, erase, db, folder, read } = log()
  await db.query("select pgtrail.set_setting('retention-grace', '0d')")
  await mkdir(join(folder, "a"))
  for (const partition of ["event_2026_02", "event_2026_03"])
    await trail.createArchives({ to: pathToFileURL(join(folder, "a")).href, partition })
  const { receipt, complete } = await erase({ register: join(folder, "r") })
  expect(receipt).toMatchObject({ act: null, register: expect.stringMatching(/^[0-9a-f]{64}$/) })
  expect(await read("r")).toContain(receipt?.register ?? "none")
  expect(complete).toBe(true)
  expect(describeReceipt(receipt as Receipt)).not.toContain("register    none")
})

test("an archive that is to be seen to is told as done when it was written anew or removed, and its act answers the request", async () => {
  const { trail, erase, db, folder } = log()
  await db.query("select pgtrail.set_setting('retention-grace', '0d')")
  await trail.createArchives({ to: pathToFileURL(folder).href, partition: "event_2026_02" })
  const [name = ""] = await readdir(folder)
  await trail.addRequest({ kind: "erasure", request: "R-1" })
  const manifest = join(folder, name, "manifest.json")
  await rename(manifest, join(folder, "away"))
  expect((await erase({ request: "R-1" })).complete).toBe(false)
  const before = await trail.subjectRequest("R-1")
  expect(before.recipients).toContainEqual(expect.objectContaining({ kind: "archive", name }))
  expect(describeRequest(before)).not.toContain("since")
  await rename(join(folder, "away"), manifest)
  await chmod(manifest, 0o600)
  const { receipt, complete } = await erase({ request: "R-1" })
  expect(complete).toBe(true)
  const after = await trail.subjectRequest("R-1")
  expect(after.acts).toContain(receipt?.archives[0]?.act)
  expect(describeRequest(after)).toMatch(
    new RegExp(`^  archive ${name}, .*done written anew or removed since$`, "m"),
  )
})
