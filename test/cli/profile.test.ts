// The commands of profiles, word by word; and that what `install --print-sql` prints is what `install` does.
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { commands } from "../../src/cli/commands.js"
import { profiles } from "../../src/data/profile/profiles.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { runInProcess } from "./io.js"
import { expectTranscript } from "./transcript.js"

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
afterAll(() => db.drop())

const run = (...argv: string[]) => runInProcess(argv, { env: { PGTRAIL_URL: db.url } })

test("profile", () =>
  expectTranscript(join(import.meta.dirname, "profile.txt"), { url: db.url, sql: (text) => db.query(text) }))

test("every profile installs from a terminal, and warns of pg_dump before all else", async () => {
  for (const name of ["mem0", "memoric", "agenttrace", "audit-db", "ai-firewall"]) {
    const schema = `every_${name.replaceAll("-", "_")}`
    await db.query(`create schema ${schema}`)
    const installed = await run("profile", "install", name, "--schema", schema)
    expect(installed).toMatchObject({ exit: 0, stderr: "" })
    const [first] = /^ {2}not .*$/m.exec(installed.stdout) ?? []
    expect(first).toContain("pg_dump")
    const shown = await run("profile", "show", name, "--schema", schema, "--json")
    expect(shown.exit).toBe(0)
    expect(JSON.parse(shown.stdout)).toMatchObject({
      schema: "pgtrail.profile_show/1",
      profile: name,
      installed: [{ schema_name: schema, installed: true }],
    })
    expect(await run("profile", "remove", name, "--schema", schema)).toMatchObject({ exit: 0 })
  }
})

test("what --print-sql prints makes what install makes", async () => {
  await db.query("create schema printed")
  const printed = await run("profile", "install", "mem0", "--schema", "printed", "--print-sql")
  expect(printed).toMatchObject({ exit: 0, stderr: "" })
  await db.query(`begin; ${printed.stdout}; commit`)
  const shown = await run(
    "profile",
    "show",
    "mem0",
    "--schema",
    "printed",
    "--format",
    "csv",
    "--fields",
    "state",
  )
  expect(shown.exit).toBe(0)
  expect(new Set(shown.stdout.trim().split("\n").slice(1))).toEqual(new Set(["as installed"]))
})

test("a schema whose name is no identifier, or hostile, is a name and neither SQL nor an escape", async () => {
  await db.query(`create schema "Old App\u001b[2J"`)
  const installed = await run("profile", "install", "mem0", "--org", "old", "--schema", "Old App\u001b[2J")
  expect(installed).toMatchObject({ exit: 0, stderr: "" })
  expect(installed.both).not.toContain("\u001b")
  const listed = await run("profile", "list")
  expect(listed.stdout).toContain("Old App\\x1b[2J")
  const removed = await run("profile", "remove", "mem0", "--schema", "Old App\u001b[2J")
  expect(removed).toMatchObject({ exit: 0, stderr: "" })
})

test("a role that is named may write or read, and no more", async () => {
  await db.query("create schema rights")
  const writer = await db.role()
  const reader = await db.role()
  const roles = ["--writer", writer.name, "--reader", reader.name]
  const installed = await run("profile", "install", "mem0", "--org", "rights", "--schema", "rights", ...roles)
  expect(installed.exit).toBe(0)
  expect(installed.stderr).toBe(
    `pgtrail: times without a zone are UTC for ${writer.name}, ${reader.name} from the next connection on\n`,
  )
  const row =
    "insert into rights.audit_logs (user_id, operation, action_result) values ('ada', 'a', 'allowed')"
  const writing = await writer.client()
  const reading = await reader.client()
  try {
    expect((await writing.query("show timezone")).rows).toEqual([{ TimeZone: "UTC" }])
    expect((await writing.query(`${row} returning id`)).rows).toHaveLength(1)
    await expect(writing.query("delete from rights.audit_logs")).rejects.toMatchObject({ code: "42501" })
    expect((await reading.query("select user_id from rights.audit_logs")).rows).toEqual([{ user_id: "ada" }])
    await expect(reading.query(row)).rejects.toMatchObject({ code: "42501" })
  } finally {
    await writing.end()
    await reading.end()
  }
})

test("a role that is named is taken out again, and profile show says who is left", async () => {
  await db.query("create schema taken_out")
  const [writer, reader] = [await db.role(), await db.role()]
  const where = ["--schema", "taken_out"]
  const roles = ["--writer", writer.name, "--reader", reader.name]
  await run("profile", "install", "mem0", "--org", "taken-out", ...where, ...roles)
  const before = await run("profile", "show", "mem0", ...where)
  expect(before.stdout).toContain(`as installed\n  writers: ${writer.name}\n  readers: ${reader.name}\n`)
  const revoke = ["profile", "revoke", "mem0", ...where, "--writer", writer.name]
  expect((await run(...revoke, "--dry-run")).stdout).toContain(
    `\n  would take out  ${writer.name}, a writer\n`,
  )
  const revoked = await run(...revoke)
  expect(revoked).toMatchObject({ exit: 0, stderr: "" })
  expect(revoked.stdout).toMatch(
    new RegExp(
      `^changed who uses the profile mem0 in schema taken_out\n {2}took out {2}${writer.name}, a writer\nact \\d+\nwhat they keep:\n`,
    ),
  )
  expect(revoked.stdout).toContain("alter role")
  const acts = await run(
    "act",
    "list",
    "--kind",
    "profile",
    "--limit",
    "1",
    "--fields",
    "about",
    "--format",
    "csv",
  )
  expect(acts.stdout).toContain("revoke mem0 in schema taken_out, organization taken-out")
  const after = await run("profile", "show", "mem0", ...where)
  expect(after.stdout).toContain(`as installed\n  readers: ${reader.name}\n`)
  expect(await run(...revoke)).toMatchObject({ exit: 3 })
  expect(await run("profile", "revoke", "mem0", ...where)).toMatchObject({ exit: 2 })
})

test.each(profiles)(
  "every command that $name tells to run exists, with these options",
  async ({ replacements, next }) => {
    const place = { schema: "public", organization: "'default'" }
    const told = [...replacements(place).map(({ run: line }) => line), ...next]
    const typed = told.flatMap((text) =>
      [...text.matchAll(/\bpgtrail (?=[a-z])(?:(?! #|[,;]| and | or ).)+/g)].map(([line]) => line),
    )
    for (const line of typed) {
      const entry = commands.find(({ name }) => `${line} `.startsWith(`pgtrail ${name} `))
      expect(entry, line).toBeDefined()
      const flags = (await entry?.load())?.default.options.map(([, option]) => option.flags).join(" ")
      for (const [flag] of line.matchAll(/--[\w-]+/g)) expect(flags, line).toContain(flag)
    }
  },
)
