// Archives in the register of requests: those that are to be seen to, until they are.
import { chmod, readdir, rename } from "node:fs/promises"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { expect, test } from "vitest"
import { describeRequest } from "../../src/data/subject/request-words.js"
import { subjectLogs } from "./subject-fixture.js"

const log = subjectLogs()

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
