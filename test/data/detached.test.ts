// Detached partitions: whoever asks of their time is told, evidence is not made without them, and the summaries are right at each step. Over
// 250 lines because all of it happens to one log.
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { verifyExport } from "../../src/data/export/verify.js"
import { type Trail, TrailError } from "../../src/data/index.js"
import { runInProcess } from "../cli/io.js"
import { type Role, type TestDatabase, testDatabase } from "../database.js"
import { folder } from "./checkpoint-fixture.js"
import { failureOf } from "./failure.js"

const { path, remove } = folder()
let db: TestDatabase
let trail: Trail
let bound: Role
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  bound = await db.role()
  await append(5, "2025-05-10")
  await append(3, "2025-05-11", "globex")
  await append(7, "2025-06-10")
  await append(4, "2025-07-10")
  await append(2, "2025-07-11", "globex")
  await trail.grant({ right: "reader", role: bound.name, organizations: ["acme"] })
  await trail.createPartitions("2025-05", { until: "2025-07" })
})
afterAll(async () => {
  await db.drop()
  remove()
})

const name = "event_2025_06"
const append = (count: number, day: string, organization = "acme") =>
  db.query(
    `insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id, data_size_bytes)
     select $1, $2::timestamptz + i * interval '1 minute', 'a.b', 'u' || i % 3, i from generate_series(1, $3::int) i`,
    [organization, `${day}Z`, count],
  )
const cli = (...argv: string[]) => runInProcess(argv, { env: { PGTRAIL_URL: db.url } })
const june = { since: "2025-06-01T00:00:00Z", until: "2025-07-01T00:00:00Z" }

/** Runs `work` while June is detached. */
async function detached<T>(work: () => Promise<T>): Promise<T> {
  await trail.detachPartition(name, "seldom read")
  try {
    return await work()
  } finally {
    await trail.attachPartition(name)
  }
}

/** What stats answers is what a full count gives: of all that is in queries now. */
async function isRight(): Promise<string> {
  const [counted] = await db.query(
    "select count(*) as total_events, count(distinct actor_id) as unique_users, coalesce(sum(data_size_bytes), 0) as data_size_bytes from pgtrail.event",
  )
  const stats = await trail.stats()
  expect(stats).toMatchObject({ ...counted })
  expect(stats.source.counted).toBe("summaries")
  return stats.total_events
}

test("the summaries are right after a detach and an attach, before and after a refresh", async () => {
  await trail.refreshSummary()
  expect(await isRight()).toBe("21")
  await detached(async () => {
    expect(await isRight()).toBe("14")
    expect(await trail.refreshSummary()).toMatchObject({ missing: "0", days: "1" })
    expect(await isRight()).toBe("14")
  })
  expect(await isRight()).toBe("21")
  expect(await trail.refreshSummary()).toMatchObject({ missing: "0", days: "1", events: "0" })
  expect(await isRight()).toBe("21")
  expect((await trail.rebuildSummary()).differences).toEqual([])
})

test("events that are detached before they were counted are not missing, and counted when they are back", async () => {
  await append(6, "2025-06-20")
  await append(2, "2025-06-21", "globex")
  await append(3, "2025-07-20")
  await detached(async () => {
    expect(await trail.refreshSummary()).toMatchObject({ missing: "0", events: "3", behind: "0" })
    expect(await isRight()).toBe("17")
    // They go to DEFAULT, and come along.
    await append(1, "2025-06-22")
    expect(await trail.refreshSummary()).toMatchObject({ missing: "0", events: "1" })
    expect(await isRight()).toBe("18")
  })
  expect(await isRight()).toBe("33")
  expect(await trail.refreshSummary()).toMatchObject({ missing: "0" })
  expect(await isRight()).toBe("33")
  expect((await trail.rebuildSummary()).differences).toEqual([])
})

test("an event that is really missing is still told of while a partition is detached", async () => {
  await append(1, "2025-07-25", "gone")
  await db.query(
    "set session_replication_role = replica; delete from pgtrail.event where organization_id = 'gone'; reset session_replication_role",
  )
  await detached(async () => {
    expect(await trail.refreshSummary()).toMatchObject({ missing: "1" })
  })
  await db.query(
    "set session_replication_role = replica; delete from pgtrail.chain_head where organization_id = 'gone'; delete from pgtrail.summary_cursor where organization_id = 'gone'; reset session_replication_role",
  )
})

test("evidence of the time of a detached partition is refused, and nothing is written", async () => {
  await detached(async () => {
    for (const verify of [false, true]) {
      const refused = await failureOf(
        trail.createExport({ out: path("refused"), filter: { organization: "acme" }, verify }),
      )
      expect(refused.message).toBe(`${name} is detached, and has events of what was asked for`)
      expect(refused.hint).toContain(`pgtrail partition attach ${name}`)
    }
    const own = await db.trail({ url: bound.url })
    expect((await failureOf(own.createExport({ out: path("refused") }))).message).toBe(
      `${name} is detached, and may have events of what was asked for`,
    )
    expect(existsSync(path("refused"))).toBe(false)
    expect(await db.query("select from pgtrail.act where kind = 'export'")).toEqual([])
  })
})

test("evidence of another time, or of organizations that have nothing in it, is made and verifies", async () => {
  await append(2, "2025-07-12", "initech")
  await append(1, "2025-06-12")
  await append(2, "2025-07-12")
  await detached(async () => {
    for (const [out, filter] of [
      ["july", { organization: "acme", since: "2025-07-01T00:00:00Z", until: "2025-08-01T00:00:00Z" }],
      ["initech", { organization: "initech" }],
    ] as const) {
      const { manifest } = await trail.createExport({ out: path(out), filter })
      expect(manifest.kind).toBe("evidence")
      expect(
        manifest.lanes.flatMap(({ missing }) => missing ?? []).filter((gap) => gap.unexplained !== "0"),
      ).toEqual([])
      expect(await verifyExport(path(out))).toMatchObject({ findings: [] })
    }
  })
})

test("an extract and the answer of a query say which partitions were not read", async () => {
  await detached(async () => {
    const said = `1 partition of this time is detached, and was not read: ${name}. What is in it is neither here nor counted.`
    const made = await trail.createExport({ out: path("extract"), filter: { type: "a.b", ...june } })
    expect(made.manifest.statement).toContain(said)
    expect(made.manifest.detached).toMatchObject([{ name }])
    expect(await verifyExport(path("extract"))).toMatchObject({ findings: [] })
    const out = path("answer.csv")
    const answered = await cli("query", "--since", "2025-05", "--out", out, "--format", "csv")
    expect(answered.stderr).toContain(`${name} is detached: its events are not asked`)
    const manifest = readFileSync(`${out}.manifest.json`, "utf8")
    expect(manifest).toContain(said)
    const later = await trail.createExport({
      out: join(path("later")),
      filter: { type: "a.b", since: "2025-07-01T00:00:00Z" },
    })
    expect(later.manifest.detached).toBeUndefined()
  })
})

test("query and stats tell on stderr of a detached partition of the time asked, and of no other", async () => {
  const told = `${name} is detached: its events are not asked`
  const asks = [
    ["query"],
    ["query", "--count"],
    ["query", "--sample", "2"],
    ["query", "--format", "json"],
    ["stats", "--format", "json"],
    ["stats"],
  ]
  await detached(async () => {
    for (const ask of asks) {
      const { stderr, exit: code } = await cli(...ask, "--since", "2025-06-15")
      expect({ ask, code, told: stderr.includes(told) }).toEqual({ ask, code: 0, told: true })
      expect((await cli(...ask, "--since", "2025-07")).stderr).not.toContain("detached")
    }
    const own = await runInProcess(["query", "--since", "2025-06"], { env: { PGTRAIL_URL: bound.url } })
    expect(own.stderr).toContain(told)
  })
  expect((await cli("query", "--since", "2025-06")).stderr).not.toContain("detached")
})

test("show and retention policy explain say in which detached partition an event is", async () => {
  const [june1] = await db.query(`select id, lane, seq from only pgtrail.${name} order by seq limit 1`)
  const place = `acme/${june1?.lane}/${june1?.seq}`
  await detached(async () => {
    for (const ask of [
      ["show", place],
      ["show", june1?.id ?? ""],
      ["retention", "policy", "explain", "--at", place],
      ["retention", "policy", "explain", "--at", june1?.id ?? ""],
    ]) {
      const { stderr, exit: code } = await cli(...ask)
      expect(stderr).toContain(`is in the detached partition ${name}`)
      expect(stderr).toContain(`pgtrail partition attach ${name}`)
      expect(code).toBeGreaterThan(0)
    }
    const [nobody] = [await failureOf(trail.show({ organization: "acme", lane: "0", seq: "9999" }))]
    expect(nobody.message).toBe("there is no event acme/0/9999")
    // The event before it stands in May.
    const [may] = await db.query(
      "select lane, max(seq) as seq from only pgtrail.event_2025_05 where organization_id = 'acme' group by lane order by lane limit 1",
    )
    const shown = await trail.show({ organization: "acme", lane: may?.lane ?? "", seq: may?.seq ?? "" })
    expect(shown).toMatchObject({ verifies: true, problems: [], next: { linked: true } })
  })
})

test("follow with verify passes what is detached, and stops where one of its events is gone", async () => {
  const read = async () => {
    const following = await trail.follow({ verify: true, from: "beginning" })
    let error: unknown
    const seen: string[] = []
    try {
      for await (const row of following) seen.push(row.seq ?? "")
    } catch (cause) {
      error = cause
    }
    return { seen: seen.length, error, unknown: following.unknown }
  }
  const all = await read()
  expect(all.error).toBeUndefined()
  const [inJune] = await db.query(`select count(*) as n from pgtrail.${name}`)
  await detached(async () => {
    expect(await read()).toEqual({ seen: all.seen - Number(inJune?.n), error: undefined, unknown: 0n })
    const forge = (sql: string) =>
      db.query(`set session_replication_role = replica; ${sql}; reset session_replication_role`)
    await db.query(`create table public.kept as select * from pgtrail.${name}`)
    await forge(`delete from pgtrail.${name} where organization_id = 'acme'`)
    const { error } = await read()
    expect(error).toBeInstanceOf(TrailError)
    expect(String(error)).toContain("is missing, and no purge says that it took it")
    await forge(`insert into pgtrail.${name} select * from public.kept where organization_id = 'acme'`)
    await db.query("drop table public.kept")
  })
})

test("detach tells how many events leave the queries and the way back, attach how many came along", async () => {
  const [inJune] = await db.query(`select count(*) as n from pgtrail.${name}`)
  const dry = await trail.detachPartition(name, "why", { dryRun: true })
  expect(dry).toMatchObject({ events: inJune?.n, moved: null, act: null })
  const away = await cli("partition", "detach", name, "--reason", "why")
  expect(away.stdout).toContain(`${inJune?.n} events are in no query any more`)
  expect(away.stderr).toContain(`pgtrail partition attach ${name}`)
  await append(2, "2025-06-25")
  const back = await cli("partition", "attach", name)
  expect(back.stdout).toContain(
    `${inJune?.n} events are in queries again, and 2 events of DEFAULT came along`,
  )
  expect((await trail.verify({ record: false })).verdict).toBe("intact")
})

test("detach and attach wait for who counts the summaries, name him, and change nothing when patience is over", async () => {
  const counting = await db.client()
  await counting.query("begin; select pg_advisory_xact_lock(1885828210, -5)")
  const act = async () => (await db.query("select max(seq) as seq from pgtrail.act"))[0]?.seq
  const before = await act()
  const refused = await failureOf(trail.detachPartition(name, "why", { patienceMs: 300 }))
  expect(refused).toMatchObject({ code: "lock-timeout" })
  expect(refused.message).toMatch(/held by: process \d+/)
  expect(await act()).toBe(before)
  await counting.query("commit")
  await trail.detachPartition(name, "why")
  await counting.query("begin; select pg_advisory_xact_lock(1885828210, -5)")
  expect(await failureOf(trail.attachPartition(name, { patienceMs: 300 }))).toMatchObject({
    code: "lock-timeout",
  })
  expect(await trail.detachedPartitions()).toMatchObject([{ name }])
  await counting.end()
  await trail.attachPartition(name)
  expect(await trail.detachedPartitions()).toEqual([])
})
