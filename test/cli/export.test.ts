// pgtrail export, word by word; and what only a real process shows: a signal, a reader that goes away, a file that cannot grow.
import { execFile, spawn } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { folder, keyPair } from "../data/checkpoint-fixture.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { runInProcess } from "./io.js"
import { replay } from "./transcript.js"

const { path, remove } = folder()
const cwd = dirname(path("x"))
const bin = join(import.meta.dirname, "../../bin/pgtrail.js")
const isBuilt = existsSync(join(import.meta.dirname, "../../dist/cli.cjs"))
let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
  await db.query("select pgtrail.create_months('2025-06-01', '2025-09-01')")
  const pair = keyPair("audit")
  writeFileSync(path("audit.key"), pair.secret, { mode: 0o600 })
  writeFileSync(path("audit.key.pub"), `${pair.line}\n`)
  mkdirSync(path("keys"))
})
afterAll(async () => {
  await db?.drop()
  remove()
})

test("export.txt", async () => {
  const file = join(import.meta.dirname, "export.txt")
  const sql = (statement: string) => db.query(statement)
  const now = await replay(readFileSync(file, "utf8"), { url: db.url, sql, cwd })
  const plain = now
    .replaceAll(cwd, "/folder")
    .replace(/audit\+[0-9a-f]{8}/g, "audit+xxxxxxxx")
    .replace(/by \S+, pgtrail/g, "by somebody, pgtrail")
    .replace(/(incarnation \d+, database) \S+/g, "$1 test")
    .replace(/[\d,]+ bytes/g, "N bytes")
  await expect(plain).toMatchFileSnapshot(file)
})

test("the answer of a query that is stopped, or has no place, leaves no file and no manifest", async () => {
  const argv = ["query", "--format", "csv", "--limit", "all", "--out"]
  const around = { env: { PGTRAIL_URL: db.url }, cwd }
  const acts = () => db.query("select count(*) as n from pgtrail.act where kind = 'export'")
  const before = await acts()
  const stopped = await runInProcess([...argv, "gone.csv"], {
    ...around,
    signal: AbortSignal.abort("SIGINT"),
  })
  expect(stopped).toMatchObject({ exit: 130, stdout: "" })
  const nowhere = await runInProcess([...argv, "none/gone.csv"], around)
  expect(nowhere).toMatchObject({ exit: 3, stderr: expect.stringContaining("no such file or folder") })
  writeFileSync(path("taken.csv.manifest.json"), "")
  expect(await runInProcess([...argv, "taken.csv"], around)).toMatchObject({ exit: 2 })
  expect(readdirSync(cwd).filter((name) => /^(gone|taken\.csv$)|\.tmp$/.test(name))).toEqual([])
  expect(await acts()).toEqual(before)
})

test("the manifest of a sample has the seed that was drawn, how many match, and a line that can be typed again", async () => {
  const around = { env: { PGTRAIL_URL: db.url }, cwd }
  const argv = ["query", "--org", "acme", "--outcome", "denied", "--sample", "3", "--format", "csv", "--out"]
  const manifest = (name: string) => JSON.parse(readFileSync(path(`${name}.manifest.json`), "utf8"))
  expect(await runInProcess([...argv, "drawn.csv"], around)).toMatchObject({ exit: 0 })
  const { typed, sample, statement, population } = manifest("drawn.csv")
  expect(sample).toEqual({ size: "3", seed: expect.stringMatching(/^[0-9a-f]{8}$/), population: "10" })
  expect(typed).toBe(`--org acme --outcome denied --sample 3 --seed ${sample.seed}`)
  expect(statement[1]).toContain(`of the 10 events that match`)
  expect(statement[1]).toContain(`with the seed "${sample.seed}"`)
  expect(population).toMatchObject({ events: "40", exported: "3" })
  const again = await runInProcess([...argv, "again.csv", "--seed", sample.seed], around)
  expect(again.exit).toBe(0)
  expect(readFileSync(path("again.csv"), "utf8")).toBe(readFileSync(path("drawn.csv"), "utf8"))
  await runInProcess([...argv, "quoted.csv", "--seed", "it's a b"], around)
  expect(manifest("quoted.csv").typed).toBe("--org acme --outcome denied --sample 3 --seed 'it'\\''s a b'")
  expect(await runInProcess(["export", "verify", "quoted.csv.manifest.json"], around)).toMatchObject({
    exit: 0,
  })
  writeFileSync(
    path("forged.manifest.json"),
    JSON.stringify({ ...manifest("drawn.csv"), sample: { seed: 1 } }),
  )
  expect(await runInProcess(["export", "verify", "forged.manifest.json"], around)).toMatchObject({
    exit: 3,
    stderr: expect.stringContaining("is no manifest of an export"),
  })
})

const env = () => ({ PATH: process.env.PATH, HOME: "/nonexistent", PGTRAIL_URL: db.url })
/** A file can then have 100 KiB. */
const limited = (argv: readonly string[]) =>
  promisify(execFile)("bash", ["-c", 'ulimit -f 100; exec "$@"', "bash", process.execPath, bin, ...argv], {
    env: env(),
    timeout: 20_000,
  })

describe.skipIf(!isBuilt)("bin/pgtrail.js export create", () => {
  const left = () => readdirSync(cwd).filter((name) => name.includes(".tmp"))
  const start = (out: string, stdio: "ignore" | "pipe" = "ignore") =>
    spawn(process.execPath, [bin, "export", "create", "--out", path(out)], {
      env: env(),
      stdio: ["ignore", stdio, "ignore"],
    })

  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("%s ends it with %i, and leaves nothing half written", async (signal, code) => {
    const client = await db.client()
    await client.query("begin; lock table pgtrail.event in access exclusive mode")
    const child = start(`stopped-${signal}`)
    const ended = new Promise((resolve) => child.on("close", resolve))
    while (!left().some((name) => name.startsWith(`stopped-${signal}`)))
      await new Promise((go) => setImmediate(go))
    child.kill(signal)
    expect(await ended).toBe(code)
    await client.end()
    expect(existsSync(path(`stopped-${signal}`))).toBe(false)
    expect(left()).toEqual([])
  })

  test("when nobody reads the answer the export is whole all the same", async () => {
    const child = start("unread", "pipe")
    child.stdout?.destroy()
    expect(await new Promise((resolve) => child.on("close", resolve))).toBe(0)
    expect(existsSync(path("unread/manifest.json"))).toBe(true)
  })

  test("a file that cannot grow: exit code 3, its name, and nothing half written", async () => {
    await db.query(
      "insert into pgtrail.event (event_type, description) select 'a.b', repeat('x', 10000) from generate_series(1, 100) i",
    )
    await expect(limited(["export", "create", "--out", path("full")])).rejects.toMatchObject({
      code: 3,
      stderr: expect.stringMatching(
        /^pgtrail: error: cannot write .*export-0001\.csv: .*\npgtrail: hint: no file was left half written/,
      ),
    })
    expect(existsSync(path("full"))).toBe(false)
    expect(left()).toEqual([])
  })
})

describe.skipIf(!isBuilt)("bin/pgtrail.js query --out", () => {
  const left = () => readdirSync(cwd).filter((name) => /^answer\b/.test(name))
  const argv = (format: string) => ["query", "--limit", "all", "--format", format, "--out", path("answer")]

  // 3.5 MB, far more than every buffer on the way.
  test.each(["csv", "ndjson", "xml"])(
    "%s into a file that cannot grow: exit code 3, its name, and nothing half written",
    async (format) => {
      await db.query(
        "insert into pgtrail.event (event_type, description) select 'a.b', repeat('x', 10000) from generate_series(1, 100) i",
      )
      await expect(limited(argv(format))).rejects.toMatchObject({
        code: 3,
        stdout: "",
        stderr: expect.stringMatching(
          /^(\{"error":\{"code":"file","message":"|pgtrail: error: )cannot write [^\n]*\/answer: [^\n]*\n(pgtrail: hint: no file was left half written[^\n]*\n)?$/,
        ),
      })
      expect(left()).toEqual([])
    },
  )

  test.each([
    ["SIGINT", 130, "pgtrail.event_2025_07"],
    ["SIGTERM", 143, "pgtrail.log"],
  ] as const)(
    "%s ends it with %i while %s keeps it waiting, and leaves nothing half written",
    async (signal, code, table) => {
      const client = await db.client()
      await client.query(`begin; lock table ${table} in access exclusive mode`)
      const child = spawn(process.execPath, [bin, ...argv("csv")], { env: env(), stdio: "ignore" })
      const ended = new Promise((resolve) => child.on("close", resolve))
      const waits =
        "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
      while (left().length === 0 || (await db.query(waits)).length === 0)
        await new Promise((go) => setImmediate(go))
      child.kill(signal)
      expect(await ended).toBe(code)
      await client.end()
      expect(left()).toEqual([])
    },
  )
})
