// Whom a command of gdpr is about, by standard input: what it takes, what it refuses, and that no list of processes has it.
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { Readable } from "node:stream"
import { afterAll, afterEach, beforeAll, expect, test } from "vitest"
import { until } from "../data/cluster.js"
import { bringBack, keepLog } from "../data/kept-log.js"
import { here } from "../data/retention-fixture.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { runInProcess } from "./io.js"

const root = join(import.meta.dirname, "../..")
const isReady = existsSync(join(root, "dist/cli.cjs")) && existsSync("/proc/self/cmdline")

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
  await db.query(`insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id, actor_email) values
    ('acme', '2026-01-15Z', 'auth.login', 'secret-1', 'secret@example.org'), ('acme', '2026-01-16Z', 'auth.login', null, 'secret@example.org'),
    ('acme', '2026-01-17Z', 'auth.login', '-', null)`)
  await keepLog(db)
})
afterEach(() => bringBack(db))
afterAll(() => db.drop())

const why = ["--reason", "R-12", "--requested-by", "dpo"]
const run = (argv: readonly string[], input: string | Buffer, around = {}) =>
  runInProcess(["gdpr", ...argv], { env: { PGTRAIL_URL: db.url }, input: input as string, ...around })

const events = async (argv: readonly string[], input: string): Promise<number> => {
  const { stdout, exit } = await run([...argv, "--json"], input)
  expect(exit).toBe(0)
  const { found } = JSON.parse(stdout)
  return found.events.reduce((sum: number, row: { events: string }) => sum + Number(row.events), 0)
}

test("ID is the first line, and further lines are what --also takes; line ends of Windows and a byte order mark are none of them", async () => {
  expect(await events(["find", "-"], "secret-1\n")).toBe(1)
  expect(await events(["find", "-"], "secret-1\nemail=Secret@Example.org\n")).toBe(2)
  expect(await events(["find", "-"], "\ufeffsecret-1\r\n\r\nemail=secret@example.org")).toBe(2)
  expect(await events(["find", "-", "--also", "email=secret@example.org"], "secret-1")).toBe(2)
  expect(await events(["find", "-"], "-\n")).toBe(1)
})

test("an erasure is confirmed by the second line, and every command that takes ID takes it so", async () => {
  const erase = ["erase", "-", "--confirm", "-", ...why]
  const other = await run(erase, "secret-1\nsecret-2\nemail=secret@example.org\n")
  expect(other).toMatchObject({ exit: 2, stderr: expect.stringContaining("--confirm names another") })
  const restricted = await run(["restrict", "-", ...why], "secret-1\n")
  expect(restricted).toMatchObject({ exit: 0, stdout: expect.stringContaining("1 now") })
  expect(await run(["unrestrict", "-", ...why], "secret-1\n")).toMatchObject({ exit: 0 })
  const { exit, stdout } = await run(erase, "secret-1\nsecret-1\nemail=secret@example.org\n")
  expect(exit).toBe(0)
  expect(stdout).toContain("erased in 2 events")
  expect(
    await db.query("select from pgtrail.event where actor_id = 'secret-1' or actor_email is not null"),
  ).toEqual([])
})

test.each([
  ["nothing", ["find", "-"], "", "is empty"],
  ["an empty first line", ["find", "-"], "\nemail=secret-1\n", "identifier 1 (id) is empty"],
  [
    "a line that is no identifier",
    ["find", "-"],
    "secret-1\nsecret-2\n",
    "line 2 of standard input takes KIND=VALUE",
  ],
  ["what is no text", ["find", "-"], Buffer.from([0x73, 0xff, 0x0a]), "is not UTF-8"],
  ["more than anybody has names", ["find", "-"], "secret-1\n".repeat(1_000_000), "too large"],
  ["no second line", ["erase", "-", "--confirm", "-", ...why], "secret-1\n", "no line 2: the ID once more"],
  [
    "more than the confirmation",
    ["erase", "secret-1", "--confirm", "-", ...why],
    "secret-1\nemail=secret-2",
    "more than one line",
  ],
])("%s on standard input is refused, and no line is repeated", async (_, argv, input, message) => {
  const { exit, stdout, stderr } = await run(argv, input)
  expect({ exit, stdout }).toEqual({ exit: 2, stdout: "" })
  expect(stderr).toContain(message)
  expect(stderr).toMatch(/nothing was (read|changed)/)
  expect(stderr).not.toContain("secret-")
})

test("on a terminal it is said what to type", async () => {
  const { stderr } = await run(
    ["erase", "-", "--confirm", "-", ...why, "--dry-run"],
    "secret-1\nsecret-1\n",
    {
      stdinIsTTY: true,
    },
  )
  expect(stderr).toContain(
    "type the ID, then the ID once more, then KIND=VALUE for each other identifier, one a line; Ctrl-D ends",
  )
})

function start(argv: readonly string[], input: string) {
  const child = spawn(process.execPath, [join(root, "bin/pgtrail.js"), "gdpr", ...argv], {
    env: { PATH: process.env.PATH, HOME: "/nonexistent", PGTRAIL_URL: db.url },
  })
  const said: string[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => said.push(String(part)))
  child.stdin.end(input)
  const ended = new Promise<number | null>((resolve) => child.on("close", (exit) => resolve(exit)))
  return { pid: child.pid ?? 0, ended, said: () => said.join("") }
}

test.skipIf(!isReady)(
  "neither the list of processes nor an environment has the person while the tool is at work",
  async () => {
    const holder = await db.client()
    await holder.query("begin; select pg_advisory_xact_lock(1885828210, -8)")
    const tool = start(
      ["erase", "-", "--confirm", "-", ...why],
      "secret-1\nsecret-1\nemail=secret@example.org\n",
    )
    try {
      await until("it waits for the other redaction", async () => {
        const waiting = await db.query(
          `select from pg_locks where not granted and locktype = 'advisory' and classid = 1885828210 and objid::bigint = 4294967288 and ${here}`,
        )
        return waiting.length === 1
      })
      for (const file of ["cmdline", "environ"]) {
        expect(await readFile(`/proc/${tool.pid}/${file}`, "utf8")).not.toMatch(/secret/)
      }
      expect(await readFile(`/proc/${tool.pid}/cmdline`, "utf8")).toContain("erase\0-\0--confirm\0-")
    } finally {
      await holder.end()
    }
    expect(await tool.ended).toBe(0)
    expect(tool.said()).toMatch(/erased in 2 events/)
    expect(tool.said()).not.toMatch(/secret/)
  },
)

test("who waits for standard input is stopped by a signal, and changes nothing", async () => {
  const controller = new AbortController()
  // Asked for its first byte, and never giving one.
  const stdin = new Readable({ read: () => void controller.abort("SIGINT") })
  const around = { stdin, signal: controller.signal } as object
  expect(await run(["erase", "-", "--confirm", "-", ...why], "", around)).toMatchObject({ exit: 130 })
  expect(await db.query("select from pgtrail.act where kind = 'redact'")).toEqual([])
})
