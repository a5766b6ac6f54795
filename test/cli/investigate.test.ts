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

it.each(["security --since 2026-03-01 --until 2026-03-02", "actor show u1"])(
  "%s fits a terminal, and is whole in a pipe",
  async (line) => {
    const db = await testDatabase()
    databases.push(db)
    await db.query(
      `insert into pgtrail.event (organization_id, event_type, outcome, actor_id, ip_address, session_id, resource_type, resource_id, occurred_at)
       select 'an-organization', 'auth.login.failed.' || i, 'failure', 'u1', '2001:db8::1', 'a-session-with-a-name-' || i, 'document',
         'quarterly-report-' || i, timestamptz '2026-03-01 09:30:15.5Z' + i * interval '1 minute' from generate_series(1, 12) i`,
    )
    const env = { PGTRAIL_URL: db.url, NO_COLOR: "1" }
    const piped = await runInProcess(line.split(" "), { env })
    expect(Math.max(...piped.stdout.split("\n").map((shown) => shown.length))).toBeGreaterThan(80)
    expect(piped.stdout).not.toContain("…")
    const { stdout, exit } = await runInProcess(line.split(" "), { env, stdoutIsTTY: true, columns: 80 })
    expect(exit).toBe(0)
    for (const shown of stdout.split("\n")) expect(shown.length, shown).toBeLessThanOrEqual(80)
    // Neither a line nor a time to the second is lost.
    expect(stdout.split("\n").length).toBeGreaterThanOrEqual(piped.stdout.split("\n").length)
    const times = (text: string) => text.match(/2026-03-01T\d\d:\d\d:\d\d/g)
    expect(times(stdout)).toEqual(times(piped.stdout))
  },
)

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

it("a period that nobody named is said: before it ends nothing, and in it nothing is found", async () => {
  const db = await testDatabase()
  databases.push(db)
  const run = (words: string) =>
    runInProcess([...words.split(" "), "--quiet"], { env: { PGTRAIL_URL: db.url } })
  for (const [words, usual] of [
    ["actor list", "30d"],
    ["resource list", "30d"],
    ["field values event_type", "30d"],
    ["security", "-24h"],
  ] as const) {
    const { exit, stdout, stderr } = await run(`${words} --until 2023-08`)
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: "" })
    expect(stderr).toMatch(
      new RegExp(
        `^pgtrail: error: there is no time up to --until 2023-08-01T\\S+: without --since it begins at 2\\S+ \\(${usual}\\)\n` +
          "pgtrail: hint: give --since too, an earlier time; 0001-01 for all\n$",
      ),
    )
    const typed = await run(`${words} --since 2023-09 --until 2023-08`)
    expect(typed.stderr).toContain("there is no time from --since 2023-09-01T")
    if (words === "security") continue
    const list = (options: string[]) =>
      runInProcess([...words.split(" "), ...options], { env: { PGTRAIL_URL: db.url } })
    expect((await list([])).stderr).toContain(" in 0 events; --since looks further back, 0001-01 at all\n")
    expect((await list(["--since", "7d"])).stderr).toMatch(/ in 0 events\n/)
  }
})
