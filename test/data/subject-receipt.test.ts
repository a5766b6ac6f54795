// The receipt of an erasure and its signature: whoever has the public key can tell that it is what was signed, without the log.
import { appendFile, copyFile, readFile, rm, writeFile } from "node:fs/promises"
import { expect, test } from "vitest"
import { describeCheckedReceipt, verifyReceipt } from "../../src/data/subject/verify-receipt.js"
import { runInProcess } from "../cli/io.js"
import { failureOf } from "./failure.js"
import { testKey } from "./signing.js"
import { subjectLogs } from "./subject-fixture.js"

const log = subjectLogs()

test("a signed receipt is checked by its public key, and what was altered, cut off or signed by another is found", async () => {
  const { erase, path } = log()
  const key = testKey("privacy")
  const receipt = path("receipt.json")
  const done = await erase({ receipt, key: key.text })
  await writeFile(path("key.pub"), `${key.line}\n`)
  await writeFile(path("other.pub"), `${testKey("another").line}\n`)
  const checked = await verifyReceipt(receipt, [path("key.pub")])
  expect(checked).toMatchObject({ verdict: "intact", sha256: done.receipt_sha256, complete: true })
  expect(checked?.key).toMatch(/^privacy\+[0-9a-f]{8}$/)
  expect(await verifyReceipt(receipt, [])).toMatchObject({ verdict: "intact", key: null })
  expect(await failureOf(verifyReceipt(receipt, [path("other.pub")]))).toMatchObject({ code: "config" })
  const ran = await runInProcess(["export", "verify", receipt, "--public-key", path("key.pub")])
  expect(ran).toMatchObject({ exit: 0, stdout: expect.stringMatching(/^intact: .*as privacy\+/) })

  const text = await readFile(receipt, "utf8")
  await copyFile(receipt, path("kept.json"))
  for (const altered of [
    text.replace('"complete": true', '"complete": false'),
    `${text} `,
    text.replace('"10"', '"11"'),
  ]) {
    expect(altered).not.toBe(text)
    await writeFile(receipt, altered)
    const found = await verifyReceipt(receipt, [path("key.pub")])
    expect(found).toMatchObject({ verdict: "tampered", finding: "it is not what was signed" })
    expect(found === undefined ? "" : describeCheckedReceipt(found)).toMatch(/^tampered: /)
  }
  expect((await runInProcess(["export", "verify", receipt])).exit).toBe(1)
  await copyFile(path("kept.json"), receipt)
  await appendFile(`${receipt}.sig`, "x")
  expect(await verifyReceipt(receipt, [path("key.pub")])).toMatchObject({ verdict: "tampered" })
  await rm(`${receipt}.sig`)
  expect(await failureOf(verifyReceipt(receipt, []))).toMatchObject({ code: "file" })
  // An export is none, and is checked as what it is.
  await writeFile(receipt, "{}")
  expect(await verifyReceipt(receipt, [])).toBeUndefined()
  expect(await verifyReceipt(path("."), [])).toBeUndefined()
})
