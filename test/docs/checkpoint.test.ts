// FORMAT.md's checkpoint is a real one: its note, its heads and its keys fit together, to the byte.
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, expect, test } from "vitest"
import { actText } from "../../src/data/act/text.js"
import { openCheckpoint, readKeyFiles } from "../../src/data/checkpoint/anchor.js"
import { readSigningKey, signText } from "../../src/data/checkpoint/note.js"
import { body } from "../../src/data/checkpoint/statement.js"
import { folder } from "../data/checkpoint-fixture.js"

const { path, remove } = folder()
afterAll(remove)

const format = readFileSync(join(import.meta.dirname, "..", "..", "FORMAT.md"), "utf8")
const section = format.split("## 5. Checkpoints, states and keys\n")[1]?.split("\n## ")[0] ?? ""
const blocks = [...section.matchAll(/^```\n([\s\S]*?)^```$/gm)].map(([, block = ""]) => block)
const [note = "", heads = "", keys = "", act = ""] = blocks
const [secret = "", verifier = ""] = keys.split("\n")

test("the note and the heads open with the public key, and the private key makes just this signature", async () => {
  writeFileSync(path("note"), note)
  writeFileSync(path("note.heads"), heads)
  writeFileSync(path("key.pub"), verifier)
  const checkpoint = await openCheckpoint(path("note"), await readKeyFiles([path("key.pub")]))
  expect(checkpoint).toMatchObject({ lanes: "2", events: "1201", act: { seq: "7" } })
  expect(checkpoint.heads[1]?.organization_id).toBe("tab\there")
  expect(checkpoint.note).toBe(note)
  expect(`${body(checkpoint)}\n${signText(body(checkpoint), readSigningKey(secret))}`).toBe(note)
})

test("the text that an act's signature signs is the one that is shown", () => {
  const [, logId = "", seq = "", hash = ""] = act.split("\n")
  expect(actText(logId, seq, Buffer.from(hash, "base64").toString("hex"))).toBe(act)
})
