// Erasures that meet others, or that are killed: nothing is half visible, and the next run finishes.
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { failureOf } from "./failure.js"
import { until } from "./retention-fixture.js"
import { jane, janesWords, subjectLogs } from "./subject-fixture.js"

const log = subjectLogs()
const root = join(import.meta.dirname, "../..")
const isBuilt = existsSync(join(root, "dist/cli.cjs"))

const atWork = (query: string) =>
  `select exists (select from pg_stat_activity where query like '%${query}(%' and pid <> pg_backend_pid()
     and datname = current_database() and state <> 'idle')`

test("of two erasures of one subject at once the second waits, and both end well", async () => {
  const { erase, db, traces, intact } = log()
  const holder = await db.client()
  await holder.query("begin; select pg_advisory_xact_lock(1885828210, -1)")
  const first = erase()
  await until(db, atWork("record_redaction"))
  const second = erase()
  await until(db, atWork("redact_begin"))
  await holder.query("rollback")
  await holder.end()
  const events = (await Promise.all([first, second])).map(({ receipt }) => receipt?.events)
  expect(events.sort()).toEqual(["0", "10"])
  expect(await traces(...janesWords)).toEqual([])
  await intact()
})

test("an erasure that waited in vain for another one says who is at work, and changed nothing", async () => {
  const { erase, db, count } = log()
  const holder = await db.client()
  await holder.query(
    "set application_name = 'somebody else'; begin; select pgtrail.subject_stage(); select pgtrail.redact_begin()",
  )
  const error = await failureOf(erase({ patienceMs: 300 }))
  expect(error).toMatchObject({ code: "lock-timeout" })
  expect(error.message).toContain("somebody else")
  await holder.query("rollback")
  await holder.end()
  expect(await count("e.actor_id = 'u-jane'")).toBe(8)
})

test("what is decided while it reads makes it begin again: a hold of that moment is kept", async () => {
  const { erase, trail, db, count, path, read } = log()
  const holder = await db.client()
  await holder.query("begin; select pg_advisory_xact_lock(1885828210, -1)")
  const erasure = erase({ register: path("r") })
  await until(db, atWork("record_redaction"))
  await holder.query("select pgtrail.add_hold('C', 'r', 'globex')")
  await holder.query("commit")
  await holder.end()
  const { receipt } = await erasure
  expect(receipt).toMatchObject({ events: "5", held: { events: "5" }, complete: false })
  expect(await count("e.actor_id = 'u-jane' and e.organization_id = 'globex'")).toBe(4)
  const lines = (await read("r"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))
  expect(lines.at(-1)).toMatchObject({ line: "done" })
  expect(await trail.reapply(path("r"), { dryRun: true })).toMatchObject({ places: "5", already: "5" })
})

test.each(["find_subject", "redact_partition", "record_redaction"])(
  "an erasure whose backend is killed in %s has changed nothing, and the next run finishes",
  async (step) => {
    const { erase, db, traces, intact, count, path, read } = log()
    const holder = await db.client()
    // A lock on what the step writes or reads: there it waits.
    await holder.query(
      step === "find_subject"
        ? "begin; lock table pgtrail.subject_rule in access exclusive mode"
        : step === "redact_partition"
          ? "begin; lock table pgtrail.redaction_entry in share mode"
          : "begin; select pg_advisory_xact_lock(1885828210, -1)",
    )
    const erasure = failureOf(erase({ register: path("r") }))
    await until(db, atWork(step))
    await db.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where query like '%${step}(%' and pid <> pg_backend_pid() and datname = current_database()`,
    )
    expect(await erasure).toMatchObject({ code: "connection-lost" })
    await holder.query("rollback")
    await holder.end()
    expect(await count("e.actor_id = 'u-jane'")).toBe(8)
    expect(await count("e.identity_digest is not null or e.content_digest is not null")).toBe(0)
    expect(await read("r")).toBe("")
    expect((await erase({ register: path("r") })).receipt).toMatchObject({ events: "10", complete: true })
    expect(await traces(...janesWords)).toEqual([])
    await intact()
  },
)

test("an erasure whose connection is lost after its commit goes on with another, and says what is done", async () => {
  const { erase, db, path, traces, intact } = log()
  const reader = await db.client()
  await reader.query("begin; select count(*) from pgtrail.event")
  const erasure = erase({ physical: true, receipt: path("receipt.json") })
  await until(db, atWork("rewrite_partition"))
  const gone = await db.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and state = 'idle'`,
  )
  expect(gone.length).toBeGreaterThan(0)
  await reader.query("rollback")
  await reader.end()
  const { receipt } = await erasure
  expect(receipt).toMatchObject({ act: expect.any(String), events: "10", failed: [] })
  expect(await traces(...janesWords)).toEqual([])
  await intact()
})

test.skipIf(!isBuilt)(
  "an erasure whose program is killed with kill -9 is finished by the next run",
  async () => {
    const { db, path, read, traces, intact, count, trail, erase } = log()
    const holder = await db.client()
    await holder.query("begin; select pg_advisory_xact_lock(1885828210, -1)")
    const also = jane.slice(1).flatMap(({ kind, value }) => ["--also", `${kind}=${value}`])
    const argv = `gdpr erase u-jane --reason r --requested-by w --confirm u-jane`.split(" ").concat(also)
    const child = spawn(process.execPath, [join(root, "bin/pgtrail.js"), ...argv, "--register", path("r")], {
      env: { PATH: process.env.PATH, PGTRAIL_URL: db.url },
      stdio: "ignore",
    })
    const ended = new Promise<string | null>((resolve) => child.on("close", (_, signal) => resolve(signal)))
    await until(db, atWork("record_redaction"))
    child.kill("SIGKILL")
    expect(await ended).toBe("SIGKILL")
    await holder.query("rollback")
    await holder.end()
    await until(db, `not ${atWork("record_redaction").replace("select ", "")}`)
    expect(await count("e.actor_id = 'u-jane'")).toBe(8)
    expect(await read("r")).toBe("")
    expect((await erase({ register: path("r") })).receipt).toMatchObject({ events: "10" })
    expect(await traces(...janesWords)).toEqual([])
    expect((await trail.reapply(path("r"))).already).toBe("10")
    await intact()
  },
)

test("while writers append, an erasure takes what it saw, and the next run the rest", async () => {
  const { erase, db, intact, count } = log()
  let isOver = false
  let written = 0
  const writers = Array.from({ length: 4 }, async (_, writer) => {
    const client = await db.client()
    for (let n = 0; !isOver; n += 1) {
      await client.query(
        "insert into pgtrail.event (organization_id, event_type, actor_id, actor_email) values ($1, 'a', 'u-jane', 'jane@example.org')",
        [n % 2 === 0 ? "acme" : `w${writer}`],
      )
      written += 1
      // As long as the erasure lasts, but not as many as a machine can: each is erased and verified.
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await client.end()
  })
  await until(db, "select count(*) > 10 from pgtrail.event e where e.event_type = 'a'")
  const before = written
  const during = await erase().finally(() => {
    isOver = true
  })
  expect(written).toBeGreaterThan(before)
  await Promise.all(writers)
  expect(Number(during.receipt?.events)).toBeGreaterThanOrEqual(20)
  await erase()
  expect(await count("e.actor_id = 'u-jane'")).toBe(0)
  await intact()
})

test("a subject in 40 partitions and 5 organizations is erased at once, with one act", async () => {
  const { db, erase, intact, traces } = log()
  await db.query("select pgtrail.create_partitions('2019-01-15Z', '2022-04-15Z')")
  await db.query(`insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id, actor_name)
    select 'org' || o, timestamptz '2019-01-10Z' + m * interval '1 month', 'a', 'u-jane', 'Jane "JJ" O''Neil'
    from generate_series(1, 5) o, generate_series(0, 39) m`)
  const { receipt } = await erase()
  expect(receipt).toMatchObject({ events: "210", complete: true })
  expect(receipt?.organizations).toHaveLength(7)
  expect(await db.query("select seq from pgtrail.act where kind = 'redact'")).toHaveLength(1)
  expect(await traces(...janesWords)).toEqual([])
  await intact()
})

test.each([
  ["with a percent sign, quotes, a backslash and a tab", "50%_'\"\\\t x"],
  ["in one normal form of Unicode", "Ren\u00e9e-\u00c5"],
  ["in the other normal form", "Rene\u0301e-A\u030a"],
  ["that looks like COPY's end", "\\."],
  ["that looks like null", "\\N"],
])("an identifier %s is found and erased, in either form, and nobody else is", async (_, id) => {
  const { db, trail, count } = log()
  for (const actor of [
    id.normalize("NFC"),
    id.normalize("NFD"),
    `${id}x`,
    id.toUpperCase() === id ? `${id}y` : id.toUpperCase(),
  ]) {
    await db.query(
      "insert into pgtrail.event (organization_id, event_type, actor_id, occurred_at) values ('o', 'a', $1, '2026-02-01Z')",
      [actor],
    )
  }
  const others = await db.query(
    "select distinct actor_id from pgtrail.event e where e.organization_id = 'o' and normalize(e.actor_id, nfc) <> normalize($1, nfc) order by 1",
    [id],
  )
  await trail.eraseSubject([{ kind: "id", value: id }], { reason: "r", requestedBy: "w", confirm: id })
  expect(await count("e.organization_id = 'o' and e.actor_id is null")).toBe(2)
  expect(
    await db.query(
      "select distinct actor_id from pgtrail.event e where e.organization_id = 'o' and e.actor_id is not null order by 1",
    ),
  ).toEqual(others)
})

test("no identifier stands in a statement or in its parameters: servers log those", async () => {
  const { trail } = log()
  const statements: string[] = []
  const { Client } = (await import("pg")).default
  const original = Client.prototype.query
  Client.prototype.query = function (this: unknown, ...given: unknown[]) {
    const [first, second] = given
    statements.push(
      typeof first === "string" ? first : JSON.stringify((first as { text?: string }).text ?? ""),
      JSON.stringify(second ?? ""),
    )
    return (original as (...args: unknown[]) => unknown).apply(this, given)
  } as typeof original
  try {
    await trail.findSubject(jane)
    await trail.eraseSubject(jane, { reason: "r", requestedBy: "w", confirm: "u-jane" })
  } finally {
    Client.prototype.query = original
  }
  expect(statements.length).toBeGreaterThan(20)
  for (const word of janesWords) {
    expect(statements.filter((text) => text.toLowerCase().includes(word.toLowerCase()))).toEqual([])
  }
})
