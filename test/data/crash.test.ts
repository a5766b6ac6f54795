// Crashes and failovers, with signed checkpoints: what a checkpoint saw survives, and a log that was set back is rolled back, not tampered with.
import { readFileSync, writeFileSync } from "node:fs"
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import type { Trail, VerifyReport } from "../../src/data/index.js"
import { runInProcess } from "../cli/io.js"
import { folder, keyPair } from "./checkpoint-fixture.js"
import { type Cluster, canStart, type Server, startCluster } from "./cluster.js"

const files = folder()
const pair = keyPair()
const publicKey = files.path("audit.pub")
writeFileSync(publicKey, `${pair.line}\n`)
afterAll(() => files.remove())

let cluster: Cluster
let server: Server
let trail: Trail
let names = 0

/** Commits are asynchronous, and the WAL writer slow: what nobody flushes is lost in a crash. */
const careless = { synchronous_commit: "off", wal_writer_delay: "10s" }

async function start(settings: Record<string, string>, fast: boolean): Promise<void> {
  cluster = await startCluster({ settings, fast })
  server = cluster.primary
  trail = await server.trail()
}

/** Three organizations with a lane each, a transaction each. */
async function append(on: Server, count: number, organizations = ["o0", "o1", "o2"]): Promise<void> {
  const client = await on.client()
  for (let n = 0; n < count; n += 1) {
    const organization = organizations[n % organizations.length]
    await client.query("insert into pgtrail.event (organization_id, event_type) values ($1, 'a')", [
      organization,
    ])
  }
  await client.end()
}

async function checkpoint(of: Trail): Promise<string> {
  names += 1
  const out = files.path(`${names}.checkpoint`)
  await of.createCheckpoint({ key: pair.secret, out })
  return out
}

const count = async (on: Server) => Number((await on.query("select count(*) as n from pgtrail.event"))[0]?.n)
const verify = (with_: Trail, checkpoints: string[], more = {}): Promise<VerifyReport> =>
  with_.verify({ jobs: 1, checkpoints, publicKeys: [publicKey], ...more })
const kinds = (report: VerifyReport) => [...new Set(report.findings.map((finding) => finding.kind))]

describe.skipIf(!canStart)("a crash with asynchronous commits", () => {
  beforeAll(() => start(careless, false))
  afterAll(() => cluster?.remove())

  test("all that a checkpoint saw is there afterwards; what came later may be lost, and nothing is missing in between", async () => {
    await append(server, 30)
    let file = ""
    let lost = 0
    // The WAL writer comes every ten seconds: where that is just then, nothing is lost.
    for (let tries = 0; lost === 0 && tries < 3; tries += 1) {
      file = await checkpoint(trail)
      const seen = await count(server)
      await append(server, 30)
      await server.stop("immediate")
      await server.start()
      const left = await count(server)
      expect(left).toBeGreaterThanOrEqual(seen)
      lost = seen + 30 - left
    }
    // Or it was no crash.
    expect(lost).toBeGreaterThan(0)
    expect(await verify(trail, [file])).toMatchObject({ verdict: "intact", findings: [] })
    await append(server, 5)
    expect(await verify(trail, [file])).toMatchObject({ verdict: "intact", findings: [] })
  })

  test("all that a recorded verification and an auditor's state saw is there afterwards", async () => {
    const state = files.path("auditor.state")
    await append(server, 30)
    const seen = await verify(trail, [], { state })
    expect(seen.act).not.toBeNull()
    await append(server, 30)
    await server.stop("immediate")
    await server.start()
    expect(await count(server)).toBeGreaterThanOrEqual(Number(seen.covered.events))
    expect(await verify(trail, [], { state })).toMatchObject({ verdict: "intact", findings: [] })
  })

  test("all that an auditor's state saw without a recorded verification is there afterwards", async () => {
    const state = files.path("unrecorded.state")
    await append(server, 30)
    const { covered } = await verify(trail, [], { state, record: false })
    await server.stop("immediate")
    await server.start()
    expect(await count(server)).toBe(Number(covered.events))
    expect(await verify(trail, [], { state, record: false })).toMatchObject({
      verdict: "intact",
      findings: [],
    })
  })
})

describe.skipIf(!canStart)("a log that was set back", () => {
  /** A verified log of 30 events, which each test starts from: to install one costs more than to copy it. */
  let verified: Server
  beforeAll(async () => {
    await start({ synchronous_commit: "local" }, true)
    await append(server, 30)
    await trail.verify({ jobs: 1 })
    await server.stop("fast")
    verified = await server.copy()
  })
  beforeEach(async () => {
    await server.stop("fast")
    await server.takeDataOf(await verified.copy())
    await server.start()
    trail = await server.trail()
  })
  afterAll(() => cluster?.remove())

  /** Rolled back until an incarnation says so, also when the log goes on; never altered or truncated. */
  async function expectRolledBack(
    on: Server,
    file: string,
    reason: "restore" | "failover" | "pitr",
  ): Promise<void> {
    const live = await on.trail()
    expect(await verify(live, [])).toMatchObject({ verdict: "intact", findings: [] })
    for (const more of [0, 60]) {
      await append(on, more)
      const report = await verify(live, [file])
      expect(kinds(report)).toEqual(["rolled_back"])
      expect(report.verdict).toBe("rolled_back")
    }
    const argv = ["verify", "--jobs", "1", "--checkpoint", file, "--public-key", publicKey]
    const said = await runInProcess(argv, { env: { PGTRAIL_URL: on.url } })
    expect(said.exit).toBe(1)
    const opened = await live.openIncarnation({ reason, checkpoint: file, publicKeys: [publicKey] })
    expect(opened.events_lost).toBe("12")
    const report = await verify(live, [file])
    expect(report).toMatchObject({ verdict: "intact", findings: [], covered: { lost: "12" } })
    await append(on, 3)
    expect(await verify(live, [file])).toMatchObject({ verdict: "intact", covered: { lost: "12" } })
    const later = await checkpoint(live)
    expect(await verify(live, [file, later])).toMatchObject({ verdict: "intact" })
  }

  test("an old copy of the data folder that was put back", async () => {
    const old = await server.copy()
    await append(server, 12, ["o0", "o1", "late"])
    const file = await checkpoint(trail)
    const state = files.path("restored.state")
    await verify(trail, [], { state, record: false })
    await server.stop("fast")
    await server.takeDataOf(old)
    await server.start()
    expect(await count(server)).toBe(30)
    // An auditor's own state knows the same, and stays as it is until the loss is recorded.
    const known = readFileSync(state, "utf8")
    expect(kinds(await verify(trail, [], { state }))).toEqual(["rolled_back"])
    expect(readFileSync(state, "utf8")).toBe(known)
    await expectRolledBack(server, file, "restore")
    const report = await verify(trail, [], { state })
    expect(report).toMatchObject({ verdict: "intact", covered: { lost: "12" } })
    expect(readFileSync(state, "utf8")).not.toBe(known)
  })

  test("an asynchronous standby that was promoted without the last events", async () => {
    const standby = await server.standby()
    await standby.stop("fast")
    await append(server, 12, ["o0", "o1", "late"])
    const file = await checkpoint(trail)
    await server.stop("immediate")
    await standby.start()
    await standby.promote()
    expect(await count(standby)).toBe(30)
    await expectRolledBack(standby, file, "failover")
    // The acts of the new primary say on which timeline they were recorded.
    const timelines = await standby.query("select distinct timeline from pgtrail.act order by timeline")
    expect(timelines).toEqual([{ timeline: "1" }, { timeline: "2" }])
  })

  test("a physical copy that lives on beside its original gets a log id of its own", async () => {
    const copy = await server.copy()
    await copy.start()
    await append(server, 12, ["o0", "o1", "late"])
    const file = await checkpoint(trail)
    const copied = await copy.trail()
    expect(kinds(await verify(copied, [file]))).toEqual(["rolled_back"])
    const opened = await copied.openIncarnation({ reason: "copy", checkpoint: file, publicKeys: [publicKey] })
    const ids = await Promise.all([server, copy].map((on) => on.query("select log_id from pgtrail.log")))
    expect(ids.map(([row]) => row?.log_id)).toEqual([expect.not.stringMatching(opened.log_id), opened.log_id])
    // New lanes are chained to the new id, old ones go on.
    await append(copy, 6)
    await copy.query("insert into pgtrail.event (organization_id, event_type) values ('newcomer', 'a')")
    expect(await verify(copied, [file])).toMatchObject({ verdict: "intact", covered: { lost: "12" } })
    const own = await checkpoint(copied)
    expect((await verify(copied, [own])).verdict).toBe("intact")
    await expect(verify(trail, [own])).rejects.toMatchObject({ code: "other-log" })
    expect((await verify(trail, [file])).verdict).toBe("intact")
  })
})
