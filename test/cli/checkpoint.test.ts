// pgtrail checkpoint and incarnation, word by word, each transcript on a database and in a folder of its own.
import { chmodSync, copyFileSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { afterAll, expect, it } from "vitest"
import { readVerifierKeys } from "../../src/data/checkpoint/note.js"
import { folder, head, keyPair, type Pair, writeCheckpoint } from "../data/checkpoint-fixture.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { runInProcess } from "./io.js"
import { replay } from "./transcript.js"

const databases: TestDatabase[] = []
const folders: { remove(): void }[] = []
afterAll(async () => {
  for (const database of databases) await database.drop()
  for (const { remove } of folders) remove()
})

/** Long ago: a time near to now would be masked. */
const time = "2025-03-01T09:30:00.000001Z"

/** Keys, and checkpoints that are as they should be or not. */
function place(fixed: Pair): string {
  const { path, remove } = folder()
  folders.push({ remove })
  const write = (name: string, content: string, mode = 0o600) => {
    writeFileSync(path(name), content)
    chmodSync(path(name), mode)
  }
  write("fixed.key", fixed.secret)
  write("open.key", fixed.secret, 0o644)
  write("fixed.pub", fixed.line)
  write("audit.pub", keyPair().line)
  write("expired.pub", `${fixed.line} since=2020-01-01T00:00:00Z until=2021-01-01T00:00:00Z`)
  write("taken.pub", "")
  const heads = [head("acme"), head("globex", "1", "1200")]
  for (const name of ["fixed", "edited", "truncated", "swapped", "alone"]) {
    writeCheckpoint(path(`${name}.checkpoint`), heads, fixed, { time })
  }
  const note = readFileSync(path("fixed.checkpoint"), "utf8")
  write("edited.checkpoint", note.replace("lanes 2", "lanes 3"))
  write("truncated.checkpoint", note.slice(0, 150))
  writeCheckpoint(path("other.checkpoint"), [head("acme"), head("globex", "1", "1199")], fixed, { time })
  copyFileSync(path("other.checkpoint.heads"), path("swapped.checkpoint.heads"))
  rmSync(path("alone.checkpoint.heads"))
  return dirname(path("x"))
}

it.each(["checkpoint", "incarnation"])("%s.txt", async (name) => {
  const db = await testDatabase()
  databases.push(db)
  const fixed = keyPair("fixed")
  const cwd = place(fixed)
  const file = join(import.meta.dirname, `${name}.txt`)
  const now = await replay(readFileSync(file, "utf8"), {
    url: db.url,
    sql: (statement) => db.query(statement),
    cwd,
    env: { AUDIT_KEY: fixed.secret },
  })
  // Neither the folder nor the id of a new key is the same twice.
  const stable = now
    .replaceAll(cwd, "/folder")
    .replace(/(fixed\+|key )[0-9a-f]{8}|(?<=\()[0-9a-f]{8}(?=\))/g, "$1xxxxxxxx")
  await expect(stable).toMatchFileSnapshot(file)
  expect(stable).not.toContain(fixed.secret.slice(-30))
})

it("keygen writes a private key for its user alone, and a public one with its period", async () => {
  const { path, remove } = folder()
  folders.push({ remove })
  const cwd = dirname(path("x"))
  const ran = await runInProcess(
    [
      "checkpoint",
      "keygen",
      "--name",
      "audit.example.com/log",
      "--out",
      "a.key",
      "--until",
      "2999-01-01",
      "--json",
    ],
    { cwd },
  )
  expect(ran).toMatchObject({ exit: 0, stderr: "" })
  expect(statSync(path("a.key")).mode & 0o777).toBe(0o600)
  const secret = readFileSync(path("a.key"), "utf8")
  expect(secret).toMatch(/^PRIVATE\+KEY\+audit\.example\.com\/log\+[0-9a-f]{8}\+[\w+/]{44}\n$/)
  expect(ran.both).not.toContain(secret.trim().slice(-30))
  const [key] = readVerifierKeys(readFileSync(path("a.key.pub"), "utf8"), "a.key.pub")
  expect(key).toMatchObject({ name: "audit.example.com/log", until: "2999-01-01T00:00:00.000000Z" })
  // The server's clock may be a little behind this one.
  const age = Date.now() - Date.parse(key?.since ?? "")
  expect(age).toBeGreaterThan(299_000)
  expect(age).toBeLessThan(400_000)
})
