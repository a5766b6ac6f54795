// What gdpr export wrote is checked without the log: each file by the manifest, the manifest by its signature.
import { appendFile, copyFile, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, test } from "vitest"
import { verifySubjectExport } from "../../src/data/subject/verify-export.js"
import { runInProcess } from "../cli/io.js"
import { testKey } from "./signing.js"
import { jane, subjectLogs } from "./subject-fixture.js"

const log = subjectLogs()

test("what a person was given is intact by its manifest and the key that signed it; what is altered, missing, added or exchanged is named", async () => {
  const { trail, path } = log()
  const key = testKey("privacy")
  await writeFile(path("key.pub"), `${key.line}\n`)
  await writeFile(path("other.pub"), `${testKey("another").line}\n`)
  const made = await trail.exportSubject(jane, { out: path("jane"), key: key.text })
  const check = (publicKeys = [path("key.pub")]) => verifySubjectExport(path("jane"), publicKeys)
  expect(await check()).toMatchObject({
    verdict: "intact",
    manifest_sha256: made.sha256,
    signature: "good",
    key: made.key,
    events: made.manifest.counts.events,
  })
  expect(await check([])).toMatchObject({ verdict: "intact", signature: "unchecked", key: null })
  expect(await check([path("other.pub")])).toMatchObject({ verdict: "tampered", signature: "bad" })
  const told = await runInProcess(["export", "verify", path("jane"), "--public-key", path("key.pub")])
  expect(told).toMatchObject({ exit: 0, stdout: expect.stringMatching(/^intact: .*\nsigned by privacy\+/) })

  const kept = new Map<string, Buffer>()
  for (const name of await readdir(path("jane"))) kept.set(name, await readFile(path(join("jane", name))))
  const putBack = async () => {
    await rm(path("jane"), { recursive: true })
    await mkdir(path("jane"))
    for (const [name, bytes] of kept) await writeFile(path(join("jane", name)), bytes)
  }
  const at = (name: string) => path(join("jane", name))
  const [data = "", review = ""] = made.manifest.files.map(({ name }) => name)
  const attacks: readonly (readonly [file: string, RegExp, () => Promise<unknown>])[] = [
    [data, /altered/, async () => writeFile(at(data), String(kept.get(data)).replace("acme", "acne"))],
    [data, /bytes/, () => appendFile(at(data), "\n")],
    [data, /missing/, () => rm(at(data))],
    [review, /missing/, () => rm(at(review))],
    [data, /no file/, () => rm(at(data)).then(() => symlink("/etc/hostname", at(data)))],
    ["events-2.csv", /knows no such file/, () => copyFile(at(data), at("events-2.csv"))],
    ["manifest.json.sig", /another manifest/, () => appendFile(at("manifest.json"), "\n")],
    ["manifest.json.sig", /not signed/, () => rm(at("manifest.json.sig"))],
  ]
  for (const [file, message, attack] of attacks) {
    await attack()
    const found = await check()
    expect(found?.verdict, String(message)).toBe("tampered")
    expect(found?.findings).toEqual([
      expect.objectContaining({ file, message: expect.stringMatching(message) }),
    ])
    await putBack()
  }
  await writeFile(at(data), "nothing")
  const ran = await runInProcess(["export", "verify", path("jane")])
  expect(ran).toMatchObject({ exit: 1, stdout: expect.stringMatching(/^tampered: /) })
})

test("a single file is checked by the manifest beside it, and without a key both say that it is not signed", async () => {
  const { trail, path, db } = log()
  for (const format of ["json", "xml"]) {
    const out = path(`jane.${format}`)
    await trail.exportSubject(jane, { out })
    for (const at of [out, `${out}.manifest.json`]) {
      expect(await verifySubjectExport(at, [])).toMatchObject({ verdict: "intact", signature: "none" })
    }
    await appendFile(out, " ")
    expect(await verifySubjectExport(out, [])).toMatchObject({ verdict: "tampered" })
  }
  const ran = await runInProcess(["gdpr", "export", "u-jane", "--out", path("one.csv"), "--url", db.url])
  expect(ran.stderr).toContain("the manifest is not signed")
  const checked = await runInProcess(["export", "verify", path("one.csv")])
  expect(checked.stdout).toMatch(/^intact: .*\nnot signed: /)
})
