// The commands that investigate, word by word, each transcript on a database of its own.
import { join } from "node:path"
import { afterAll, expect, it } from "vitest"
import { type TestDatabase, testDatabase } from "../database.js"
import { runInProcess } from "./io.js"
import { expectTranscript } from "./transcript.js"

const databases: TestDatabase[] = []
afterAll(async () => {
  for (const database of databases) await database.drop()
})

it.each(["actor", "resource", "trace", "security", "type", "field"])("%s.txt", async (name) => {
  const db = await testDatabase()
  databases.push(db)
  await expectTranscript(join(import.meta.dirname, `${name}.txt`), {
    url: db.url,
    sql: (statement) => db.query(statement),
  })
})

it("the severities are told without a database, and one word is enough for what people type", async () => {
  const severities = await runInProcess(["severity", "list", "--fields", "severity,words", "--format", "csv"])
  expect(severities).toMatchObject({ exit: 0, stderr: "" })
  expect(severities.stdout).toContain(
    'critical,"[""CRITICAL (Memoric)"",""critical (AgentTrace)"",""CRITICAL (audit-db alerts)"",""red (AI firewall)""]"',
  )
  expect((await runInProcess(["severity", "list"])).stdout).toContain(
    "CRITICAL (Memoric), critical (AgentTrace)",
  )
  for (const [alias, name] of [
    ["activity", "actor show"],
    ["history", "resource show"],
  ] as const) {
    const [long, short] = [
      await runInProcess([...name.split(" "), "--help"]),
      await runInProcess([alias, "--help"]),
    ]
    expect(short).toEqual(long)
    expect(short).toMatchObject({ exit: 0 })
  }
})
