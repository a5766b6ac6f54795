// What an altered event was, from another place: only what hashes to what the log vouches for is called the original.

import { createReadStream, createWriteStream } from "node:fs"
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pipeline } from "node:stream/promises"
import { pathToFileURL } from "node:url"
import { createGzip } from "node:zlib"
import { generateIdentity, identityToRecipient } from "age-encryption"
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import type { Against, ShownVerification } from "../../src/data/index.js"
import { runInProcess } from "../cli/io.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { copyEvents, copyToFile, type Incident, incidentLog } from "./verification-fixture.js"

let log: Incident
let other: TestDatabase
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pgtrail-against-"))
  log = await incidentLog({ withOdd: true })
  other = await testDatabase()
  await copyEvents(log.db, other)
  await copyToFile(log.db, "select * from pgtrail.event", join(folder, "event.copy"))
  await mkdir(join(folder, "backups"))
  await log.trail.createBackup({ to: pathToFileURL(join(folder, "backups")).href, level: 1 })
  await writeDump("dump.sql")
  await zip("event.copy")
  await zip("dump.sql")
  const said = await runInProcess(["query", "--limit", "all", "--format", "ndjson"], {
    env: { PGTRAIL_URL: log.db.url },
  })
  await writeFile(join(folder, "events.ndjson"), said.stdout)
})
afterEach(() => log.restore())
afterAll(async () => {
  await other.drop()
  await log.db.drop()
  await rm(folder, { recursive: true, force: true })
})

const file = (name: string): Against => ({ name, file: join(folder, name) })
const database = (): Against => ({ name: "the copy", database: { connectionString: other.url } })
const globex = "organization_id = 'globex' and seq = 30"
const mail = `update pgtrail.event set actor_email = 'mallory@example.org' where ${globex}`

/** As pg_dump writes the partitions of a table; a partition in another schema, and other tables before and after. */
async function writeDump(name: string): Promise<void> {
  const partitions = await log.db.query(
    "select inhrelid::regclass::text as name from pg_inherits where inhparent = 'pgtrail.event'::regclass",
  )
  const columns = await log.db.query(
    `select string_agg(attname, ', ' order by attnum) as list from pg_attribute
     where attrelid = 'pgtrail.event'::regclass and attnum > 0 and not attisdropped`,
  )
  const parts = [
    "--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n\nSET client_encoding = 'UTF8';\n",
    "COPY pgtrail.log (log_id, incarnation) FROM stdin;\n6f1c3e52-0d0b-4b3a-9a51-7c2f7ce0a001\t1\n\\.\n",
  ]
  for (const [index, partition] of partitions.entries()) {
    const part = join(folder, "part")
    await copyToFile(log.db, `select * from ${partition.name}`, part)
    const table = index === 0 ? `"odd (name)"."event, copy"` : partition.name
    parts.push(`\nCOPY ${table} (${columns[0]?.list}) FROM stdin;\n${await readFile(part, "utf8")}\\.\n`)
  }
  parts.push("\nCOPY pgtrail.setting (name, value) FROM stdin;\nevent-size-limit\t1048576\n\\.\n\n-- done\n")
  await writeFile(join(folder, name), parts.join(""))
}

async function zip(name: string): Promise<void> {
  const to = createWriteStream(join(folder, `${name}.gz`))
  await pipeline(createReadStream(join(folder, name)), createGzip(), to)
}

const places: Readonly<Record<string, () => Against>> = {
  "a second database": database,
  "COPY text": () => file("event.copy"),
  "compressed COPY text": () => file("event.copy.gz"),
  "a plain dump": () => file("dump.sql"),
  "a compressed dump": () => file("dump.sql.gz"),
  "NDJSON of pgtrail query": () => file("events.ndjson"),
  "a place of backups": () => file("backups"),
}

test("an encrypted backup has it for who gives its key", async () => {
  const identity = await generateIdentity()
  const recipients = [await identityToRecipient(identity)]
  const to = pathToFileURL(join(folder, "locked")).href
  await mkdir(join(folder, "locked"))
  await log.trail.createBackup({ to, recipients, level: 1 })
  const against = file("locked")
  await log.tamper(mail)
  const { act } = await log.trail.verify({ jobs: 1 })
  const show = (place: Against) => log.trail.verification({ act: act ?? "", against: place })
  await expect(show(against)).rejects.toMatchObject({ code: "config" })
  const { findings } = await show({ ...against, identities: [identity] })
  expect(findings).toMatchObject([{ explanation: { found_by: "against", against: { state: "original" } } }])
})

describe.each(Object.entries(places))("%s", (_, against) => {
  let shown: ShownVerification
  // The three lie so far apart that each is a finding of its own.
  beforeAll(async () => {
    shown = await log.after(
      `${mail};
       update pgtrail.event set actor_name = 'x', description = 'x', tags = null, details = null where organization_id = 'odd' and seq = 2;
       delete from pgtrail.event where organization_id = 'globex' and seq in (6, 7)`,
      { against: against() },
    )
    expect(shown.findings).toHaveLength(3)
    await log.restore()
  })
  const explained = (place: string) =>
    shown.findings.find((one) => `${one.organization_id}/${one.lane}/${one.seq}` === place)?.explanation

  test("has the original of an altered event", () => {
    const explanation = explained("globex/0/30")
    expect(explanation).toMatchObject({
      found_by: "against",
      groups: ["identity"],
      against: { state: "original" },
    })
    expect(explanation?.differences).toEqual([
      {
        column: "actor_email",
        group: "identity",
        original: "ada30@example.org",
        present: "mallory@example.org",
      },
    ])
  })

  test("keeps every kind of value, so that its hash can be computed", async () => {
    const explanation = explained("odd/0/2")
    expect(explanation?.against).toEqual({ state: "original" })
    const [{ actor_name, description, details, tags } = {}] = await other.query(
      "select * from pgtrail.event where organization_id = 'odd' and seq = 2",
    )
    const originals = explanation?.differences.map(({ column, original }) => [column, original]) ?? []
    expect(originals).toContainEqual(["actor_name", actor_name])
    expect(originals).toContainEqual(["description", description])
    expect(originals).toContainEqual(["details", details])
    expect(originals.map(([column]) => column)).toEqual(["actor_name", "description", "details", "tags"])
    expect(tags).not.toBeNull()
  })

  test("has the events that are gone, and whether they are the originals", () => {
    expect(explained("globex/0/6")?.against).toEqual([
      {
        state: "original",
        wanted: "2",
        there: "2",
        fitting: "2",
        first: "6",
        last: "7",
        linked: true,
        joins_before: true,
        joins_after: true,
      },
    ])
  })
})

describe("a place that cannot be read says why", () => {
  let act: string
  beforeAll(async () => {
    await log.tamper(mail)
    act = (await log.trail.verify({ jobs: 1 })).act ?? ""
    await log.keep()
  })
  const show = (against: Against) => log.trail.verification({ act, against })
  const fails = (name: string, text: string) =>
    writeFile(join(folder, name), text).then(() => show(file(name)))

  test("a file that is none, is empty, is a folder, or is damaged", async () => {
    await expect(show(file("absent"))).rejects.toMatchObject({
      code: "file",
      message: "absent: there is no such file",
    })
    await expect(fails("empty", "")).rejects.toMatchObject({ code: "file", message: "empty: it is empty" })
    await expect(show({ name: "f", file: folder })).rejects.toMatchObject({
      message: "f: it is a folder without a backup",
    })
    const bytes = (await readFile(join(folder, "event.copy.gz"))).subarray(0, 2000)
    await writeFile(join(folder, "cut.gz"), bytes)
    await expect(show(file("cut.gz"))).rejects.toMatchObject({
      message: "cut.gz: its compressed content ends too early",
    })
  })

  test("a form that is no log", async () => {
    await expect(fails("text", "hello\nworld\n")).rejects.toMatchObject({
      code: "file",
      message: "text: it holds no events in a form that can be read",
      hint: expect.stringContaining("COPY text"),
    })
    await expect(fails("custom", "PGDMP\u0001")).rejects.toMatchObject({
      hint: expect.stringContaining("pg_restore"),
    })
    await expect(fails("latin.sql", "--\nSET client_encoding = 'LATIN1';\n")).rejects.toMatchObject({
      hint: "pg_dump --encoding=UTF8",
    })
    await expect(fails("inserts.sql", "--\nINSERT INTO pgtrail.event VALUES (1);\n")).rejects.toMatchObject({
      hint: expect.stringContaining("--inserts"),
    })
    await expect(
      fails("few.ndjson", '{"organization_id":"globex","lane":"0","seq":"30"}\n'),
    ).rejects.toMatchObject({
      message: "few.ndjson: its events have no id: an event is hashed over all of its columns",
    })
  })

  test("a database that does not answer, or has no log; no password is told", async () => {
    const bare = await testDatabase({ empty: true })
    const empty: Against = { name: "bare", database: { connectionString: bare.url } }
    await expect(show(empty)).rejects.toMatchObject({
      code: "not-installed",
      message: "bare: pgtrail is not installed in this database",
      hint: "name a database that has the log",
    })
    await bare.drop()
    const said = await runInProcess(
      ["verification", "show", "--against", "postgresql://u:hunter2x@127.0.0.1:1/db"],
      {
        env: { PGTRAIL_URL: log.db.url },
      },
    )
    expect(said).toMatchObject({ exit: 3, stdout: "" })
    expect(said.stderr).toMatch(
      /error: postgresql:\/\/u:\*\*\*@127.0.0.1:1\/db: the database cannot be reached/,
    )
    expect(said.both).not.toContain("hunter2x")
  })
})
