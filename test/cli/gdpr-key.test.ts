// pgtrail gdpr key, pseudonymize and reveal, word by word; and how a key is named: on the line, in the environment, in pgtrail.json.
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type TestDatabase, testDatabase } from "../database.js"
import { runInProcess } from "./io.js"
import { replay } from "./transcript.js"

let folder: string
const databases: TestDatabase[] = []
const key = (byte: number): string => Buffer.alloc(32, byte).toString("base64")

async function database(): Promise<TestDatabase> {
  const db = await testDatabase()
  databases.push(db)
  await db.query(`insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id, actor_email) values
    ('acme', '2026-01-15Z', 'auth.login', 'u-1', 'anna@example.org'), ('acme', '2026-02-15Z', 'auth.login', 'u-1', 'Anna@Example.org'),
    ('globex', '2026-02-15Z', 'auth.login', 'u-1', null), ('acme', '2026-02-15Z', 'auth.login', 'u-2', null),
    ('globex', '2026-02-15Z', 'auth.login', 'u-2', null)`)
  return db
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pgtrail-gdpr-key-"))
  for (const [name, text, mode] of [
    ["wrong.key", key(9), 0o600],
    ["bad.key", "password", 0o600],
    ["open.key", key(9), 0o644],
  ] as const) {
    await writeFile(join(folder, name), text)
    await chmod(join(folder, name), mode)
  }
})
afterAll(async () => {
  for (const db of databases) await db.drop()
  await rm(folder, { recursive: true })
})

test("pgtrail gdpr key", async () => {
  const { url } = await database()
  const file = join(import.meta.dirname, "gdpr-key.txt")
  const now = await replay(await readFile(file, "utf8"), { url, cwd: folder })
  const masked = now
    .replace(
      /(p1:[hte]:k\d:)(?!abcdefg)([A-Za-z0-9_-]+)/g,
      (_, begin: string, rest: string) => begin + "x".repeat(rest.length),
    )
    .replaceAll(folder, "FOLDER")
  await expect(masked).toMatchFileSnapshot(file)
  // Not among the letters of a pseudonym: any three come there by chance.
  expect(masked.replace(/^\$.*$/gm, "")).not.toMatch(/geheim|anna|u-1/i)
})

/** A folder with a configuration that names a key, and the same database. */
async function configured(lines: object) {
  const own = await mkdtemp(join(folder, "own-"))
  await writeFile(join(own, "pgtrail.json"), JSON.stringify(lines))
  await writeFile(join(own, "k1.key"), key(1))
  await chmod(join(own, "k1.key"), 0o600)
  return own
}

const listed = async (argv: readonly string[], around: { cwd: string; env: Record<string, string> }) => {
  const ran = await runInProcess(["gdpr", "key", "list", "--json", ...argv], around)
  return ran.exit === 0 ? JSON.parse(ran.stdout).rows[0].here : `${ran.exit}: ${ran.stderr}`
}

test("a key is named on the line, in PGTRAIL_PRIVACY_KEY or in pgtrail.json, there as seen from the file", async () => {
  const { url } = await database()
  const env = { PGTRAIL_URL: url }
  const cwd = await configured({})
  const line = (reference: string) => ["--privacy-key", `k1=${reference}`]
  const made = await runInProcess(["gdpr", "key", "create", ...line("file:k1.key")], { cwd, env })
  expect(made).toMatchObject({ exit: 0 })
  const other = await configured({ "privacy-key": ["k1=file:k1.key", "k2=env:NOT_SET"] })
  expect(await listed([], { cwd, env })).toBe("no")
  expect(await listed(line("file:k1.key"), { cwd, env })).toBe("yes")
  expect(await listed(line("env:KEY"), { cwd, env: { ...env, KEY: key(1) } })).toBe("yes")
  expect(await listed(line("cmd:echo a,b >/dev/null; cat k1.key"), { cwd, env })).toBe("yes")
  expect(
    await listed([], {
      cwd,
      env: { ...env, PGTRAIL_PRIVACY_KEY: "k0=env:X,k1=cmd:echo a,b >/dev/null; cat k1.key" },
    }),
  ).toBe("yes")
  expect(await listed([], { cwd: other, env })).toBe("yes")
  expect(await listed(["--config", join(other, "pgtrail.json")], { cwd, env })).toBe("yes")
  expect(await listed(line("file:../wrong.key"), { cwd: other, env })).toBe("wrong")
})

test("a configuration that was merely found where one stands cannot have a key printed by a command", async () => {
  const { url } = await database()
  const env = { PGTRAIL_URL: url }
  const cwd = await configured({ "privacy-key": ["k1=cmd:touch pwned; cat k1.key"] })
  expect(await listed([], { cwd, env })).toMatch(/^2: .*runs a command \(cmd:\), and it was only found/)
  await expect(stat(join(cwd, "pwned"))).rejects.toThrow("ENOENT")
})

test.each([
  ["the key itself", [key(1)]],
  ["a reference without a name", ["file:k1.key"]],
  ["a name that is none", ["K 1=file:k1.key"]],
  ["no list", "k1=file:k1.key"],
])("%s in pgtrail.json is refused, and not repeated", async (_, value) => {
  const cwd = await configured({ "privacy-key": value })
  const ran = await runInProcess(["gdpr", "key", "list"], {
    cwd,
    env: { PGTRAIL_URL: databases[0]?.url ?? "" },
  })
  expect(ran.exit).toBe(2)
  expect(ran.stderr).toContain("privacy-key")
  expect(ran.stderr).not.toContain(key(1))
  expect(ran.stderr).not.toContain("k1.key")
})

test("a pseudonym is revealed on the line, and its key may come from the environment", async () => {
  const db = await database()
  const env = { PGTRAIL_URL: db.url, KEY: key(3), PGTRAIL_PRIVACY_KEY: "k1=env:KEY" }
  const run = (...argv: string[]) => runInProcess(["gdpr", ...argv], { env })
  expect(await run("key", "create")).toMatchObject({ exit: 0 })
  const about = ["--reason", "R", "--requested-by", "dpo"]
  const done = await run(
    "pseudonymize",
    "u-1",
    "--also",
    "email=anna@example.org",
    "--strategy",
    "encrypt",
    ...about,
    "--json",
  )
  expect(JSON.parse(done.stdout)).toMatchObject({ events: "3", key_id: "k1", act: expect.any(String) })
  expect(done.stdout).not.toMatch(/\banna\b/)
  const [{ pseudonym }] = JSON.parse(done.stdout).organizations
  const revealed = await run("reveal", pseudonym, "--reason", "inquiry")
  expect(revealed).toMatchObject({ exit: 0, stderr: expect.stringMatching(/recorded as act \d+/) })
  expect(revealed.stdout).toMatch(/id +u-1\n.*email +anna@example\.org/)
  const acts = await runInProcess(["act", "list", "--kind", "reveal"], { env })
  expect(acts).toMatchObject({ exit: 0 })
  expect(acts.stdout).toContain("inquiry")
  for (const kind of ["redact", "privacy_key", "reveal"]) {
    const shown = await runInProcess(["act", "list", "--kind", kind, "--json"], { env })
    expect(shown.stdout).not.toMatch(/\banna\b|(?<![\w-])u-1(?![\w-])/)
  }
})
