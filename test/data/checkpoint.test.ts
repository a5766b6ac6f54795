// Making checkpoints of a real log: the act first, then the files; what fails leaves nothing half done.
import { createHash } from "node:crypto"
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { mkdir } from "node:fs/promises"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { openCheckpoint } from "../../src/data/checkpoint/anchor.js"
import { TrailError } from "../../src/data/index.js"
import type { Trail } from "../../src/data/trail.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { folder, keyPair } from "./checkpoint-fixture.js"
import { failureOf } from "./failure.js"

const { path, remove } = folder()
const pair = keyPair()
const keys = [pair.verifier]
const key = pair.secret
let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
})
afterAll(async () => {
  await db.drop()
  remove()
})

const append = (organization: string, count = 1) =>
  db.query(
    "insert into pgtrail.event (organization_id, event_type) select $1, 'a' from generate_series(1, $2)",
    [organization, count],
  )
const actsOfCheckpoints = async () =>
  Number((await db.query("select count(*) as n from pgtrail.act where kind = 'checkpoint'"))[0]?.n)

test("an empty log has one, and a log with events another; both open and are listed, newest first", async () => {
  const empty = await trail.createCheckpoint({ key, out: path("empty") })
  expect(empty).toMatchObject({ lanes: "0", events: "0", incarnation: "1" })
  expect(empty.digest).toBe(createHash("sha256").digest("hex"))
  // Names whose order by bytes is another than by UTF-16, and characters that COPY escapes.
  for (const organization of ["acme", "\uffee", "😀", "tab\t\\N\n", "Ärger"]) await append(organization, 3)
  const full = await trail.createCheckpoint({ key, out: path("full") })
  expect(full).toMatchObject({ lanes: "5", events: "15", files: [path("full"), path("full.heads")] })
  const opened = await openCheckpoint(path("full"), keys)
  expect(opened).toMatchObject({
    lanes: "5",
    events: "15",
    digest: full.digest,
    act: full.act,
    time: full.time,
  })
  expect(opened.heads.map((head) => head.organization_id)).toEqual([
    "acme",
    "tab\t\\N\n",
    "Ärger",
    "\uffee",
    "😀",
  ])
  expect(await openCheckpoint(path("empty"), keys)).toMatchObject({ digest: empty.digest, heads: [] })
  const listed = await trail.checkpoints()
  expect(listed).toEqual(
    [full, empty].map((made) => ({
      seq: made.act.seq,
      recorded_at: made.time,
      lanes: made.lanes,
      events: made.events,
      digest: made.digest,
      key: `${pair.key.name}+${pair.key.keyId}`,
    })),
  )
})

test("what the act says is what the note says, and the log stays intact", async () => {
  const made = await trail.createCheckpoint({ key, out: path("act") })
  const [act] = await db.query(
    `select seq, encode(hash, 'hex') as hash, encode(digest, 'hex') as digest, parameters - 'tool_version' as parameters
     from pgtrail.act where kind = 'checkpoint' order by seq desc limit 1`,
  )
  expect(act).toEqual({
    ...made.act,
    digest: made.digest,
    parameters: `{"key": "${pair.key.name}+${pair.key.keyId}", "lanes": "5", "events": "15"}`,
  })
  const [log] = await db.query("select log_id from pgtrail.log")
  expect(readFileSync(path("act"), "utf8")).toMatch(
    new RegExp(
      `^pgtrail/${log?.log_id}/1\n15\n.{44}\nlanes 5\nact ${made.act.seq} .{44}\ntime ${made.time}\n\n— .*\n$`,
    ),
  )
  expect((await trail.verify({ record: false })).findings).toEqual([])
})

test("the private key stands in none of its files, in no act, and in no table", async () => {
  const made = await trail.createCheckpoint({ key, out: path("secret") })
  // PRIVATE+KEY+name+id+data, and base64 has a plus of its own.
  const data = key.split("+").slice(4).join("+")
  expect(data).toHaveLength(44)
  for (const file of made.files) expect(readFileSync(file, "utf8")).not.toContain(data)
  const [acts] = await db.query("select string_agg(a::text, '') as text from pgtrail.act a")
  expect(acts?.text).not.toContain(data)
})

describe("what can be refused is refused before there is an act", () => {
  async function refused(
    options: { key: string; out: string },
    code: string,
    target = trail,
  ): Promise<TrailError> {
    const before = await actsOfCheckpoints()
    const error = await failureOf(target.createCheckpoint(options))
    expect(error.code).toBe(code)
    expect(await actsOfCheckpoints()).toBe(before)
    return error
  }

  test("a key that is none", () => refused({ key: "hunter2", out: path("no-key") }, "config"))
  test("an existing note", async () => {
    writeFileSync(path("there"), "x")
    const error = await refused({ key, out: path("there") }, "usage")
    expect(error.message).toBe(`${path("there")} is there already, and is never written over`)
    expect(readFileSync(path("there"), "utf8")).toBe("x")
  })
  test("an existing list of heads", async () => {
    writeFileSync(path("half.heads"), "x")
    await refused({ key, out: path("half") }, "usage")
    expect(readFileSync(path("half.heads"), "utf8")).toBe("x")
  })
  test("a folder that is not there", () => refused({ key, out: path("none/note") }, "file"))
  test("a role that may not", async () => {
    const auditor = await db.role({ memberOf: ["pgtrail_auditor"] })
    const error = await refused(
      { key, out: path("auditor") },
      "privilege",
      await db.trail({ url: auditor.url }),
    )
    expect(error.hint).toBe(
      "grant pgtrail_operator to the role of this connection: pgtrail grant operator ROLE",
    )
  })
  test("an operator may", async () => {
    const operator = await db.role({ memberOf: ["pgtrail_operator"] })
    const own = await db.trail({ url: operator.url })
    await own.createCheckpoint({ key, out: path("operator") })
    expect((await own.checkpoints())[0]).toMatchObject({ lanes: "5" })
  })
})

test("a head that is none, and heads that miss a lane of the last verification, are refused by the server", async () => {
  await trail.verify()
  await db.query("set session_replication_role = replica")
  await db.query("delete from pgtrail.chain_head where organization_id = 'acme'")
  const before = await actsOfCheckpoints()
  const error = await failureOf(trail.createCheckpoint({ key, out: path("vanished") }))
  expect(error.message).toContain("these are not the heads of the log")
  expect(await actsOfCheckpoints()).toBe(before)
  await db.query(
    `insert into pgtrail.chain_head (organization_id, lane, seq, hash)
     select organization_id, lane, 0, previous_hash from pgtrail.event where organization_id = 'acme' and seq = 1
     union all select organization_id, lane, seq, hash from pgtrail.event where organization_id = 'acme'`,
  )
  await db.query("set session_replication_role = origin")
  await trail.createCheckpoint({ key, out: path("mended") })
})

test("a server that computes another digest is not believed, and nothing is recorded or signed", async () => {
  const [original] = await db.query(
    "select pg_get_functiondef('pgtrail.heads_digest(text[],smallint[],bigint[],bytea[])'::regprocedure) as sql",
  )
  await db.query(`create or replace function pgtrail.heads_digest(organizations text[], lanes smallint[], seqs bigint[], hashes bytea[])
    returns bytea language sql stable set search_path = pg_catalog, pg_temp as 'select sha256(''other'')'`)
  const before = await actsOfCheckpoints()
  // A superuser would not even call it.
  const operator = await db.role({ memberOf: ["pgtrail_operator"] })
  const theirs = await db.trail({ url: operator.url })
  const error = await failureOf(theirs.createCheckpoint({ key, out: path("digest") }))
  expect(error.message).toContain("another digest of the heads")
  expect((await failureOf(trail.createCheckpoint({ key, out: path("digest") }))).message).toContain(
    "pgtrail.heads_digest",
  )
  expect(await actsOfCheckpoints()).toBe(before)
  expect(readdirSync(path(".")).filter((name) => name.startsWith("digest"))).toEqual([])
  await db.query(original?.sql ?? "")
})

test("the files are whole and readable, and nothing else is left in the folder", async () => {
  await mkdir(path("tidy"))
  chmodSync(path("tidy"), 0o755)
  await trail.createCheckpoint({ key, out: path("tidy/note") })
  expect(readdirSync(path("tidy")).sort()).toEqual(["note", "note.heads"])
  expect(statSync(path("tidy/note")).nlink).toBe(1)
})

test("a database without the log says so", async () => {
  const bare = await testDatabase({ empty: true })
  const error = await failureOf((await bare.trail()).createCheckpoint({ key, out: path("bare") }))
  expect(error).toBeInstanceOf(TrailError)
  expect(error).toMatchObject({ code: "not-installed", hint: "pgtrail install" })
  await bare.drop()
})
