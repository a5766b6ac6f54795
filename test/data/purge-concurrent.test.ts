// Purges among others: writers in the same lanes, verifications, a second purge, and a process that is killed.
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Trail, VerifyOptions, VerifyReport } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { withClients } from "./writers.js"

const library = join(import.meta.dirname, "../../dist/index.js")

let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
})
afterAll(() => db.drop())

async function append(organization: string, count: number): Promise<void> {
  await db.query(
    `insert into pgtrail.event (organization_id, event_type, occurred_at)
     select $1, 'document.read', now() - i * interval '1 hour' from generate_series(1, $2::int) i`,
    [organization, count],
  )
}
async function count(organization: string, type = "%"): Promise<number> {
  const [row] = await db.query(
    "select count(*) as n from pgtrail.event where organization_id = $1 and event_type like $2",
    [organization, type],
  )
  return Number(row?.n)
}
const purge = (organization: string, options = {}) =>
  trail.purgeOrganization(organization, { reason: "test", confirm: organization, batchSize: 100, ...options })
const verify = (options: VerifyOptions = {}) => trail.verify({ jobs: 1, record: false, ...options })

test("nothing of eight writers to the same organization is lost while it is purged again and again", async () => {
  await append("busy", 140)
  let isWriting = true
  const purges = (async () => {
    let purged = 0n
    for (let rounds = 0; isWriting || rounds < 2; rounds++) purged += BigInt((await purge("busy")).events)
    return purged
  })()
  await withClients(db, 8, async (client) => {
    for (let n = 0; n < 20; n++)
      await client.query("insert into pgtrail.event (organization_id, event_type) values ('busy', 'more')")
  })
  isWriting = false
  const purged = await purges
  expect(purged + BigInt(await count("busy"))).toBe(300n)
  expect(await verify()).toMatchObject({ verdict: "intact", covered: { purged: String(purged) } })
  expect((await purge("busy")).remaining).toBe("0")
  expect(await verify()).toMatchObject({ verdict: "intact", covered: { events: "0", purged: "300" } })
})

test("of two runs at once one purges and the other is told", async () => {
  await append("twice", 300)
  const runs = await Promise.allSettled([purge("twice"), purge("twice"), purge("twice")])
  const codes = runs.map((run) => (run.status === "fulfilled" ? "purged" : run.reason.code)).sort()
  expect(codes.filter((code) => code !== "busy" && code !== "purged")).toEqual([])
  expect(codes).toContain("purged")
  expect(await count("twice")).toBe(0)
  const [records] = await db.query(
    "select sum(events) as events from pgtrail.purge where organization_id = 'twice'",
  )
  expect(records).toEqual({ events: "300" })
})

test("a verification during which events are purged finds nothing, however it reads", async () => {
  const ways: readonly VerifyOptions[] = [
    { jobs: 2 },
    { maxSeconds: 60 },
    { since: "2000-01-01" },
    { organization: "read 3" },
  ]
  for (const [at, options] of ways.entries()) {
    const organization = `read ${at}`
    await append(organization, 150)
    const reports: VerifyReport[] = []
    let isPurging = true
    const reading = (async () => {
      while (isPurging || reports.length < 2) reports.push(await verify(options))
    })()
    await purge(organization, { batchSize: 30 })
    isPurging = false
    await reading
    expect(reports.flatMap(({ findings }) => findings)).toEqual([])
  }
})

/** Reads slowly, and purges once the first events were read; resolves with the report when the purge was done before the end. */
async function purgedMeanwhile(organization: string, options: VerifyOptions): Promise<VerifyReport> {
  let purging: Promise<boolean> | undefined
  let isOver = false
  const report = await verify({
    ...options,
    progress: () => {
      purging ??= purge(organization, { despiteFindings: true, maxRows: 450, batchSize: 225 }).then(
        () => !isOver,
      )
    },
  })
  isOver = true
  expect(await purging).toBe(true)
  return report
}

test("what is purged between two pages of an ordered reading is neither missing nor inserted", async () => {
  await append("pages", 600)
  const report = await purgedMeanwhile("pages", { organization: "pages", maxSeconds: 60, maxRate: 100 })
  expect(report).toMatchObject({ verdict: "intact", findings: [] })
  expect(Number(report.covered.events) + Number(report.covered.purged)).toBe(600)
})

test("a chain that is read again is judged by the purges that came since, and what is wrong with it is still found", async () => {
  await append("again", 600)
  await db.query(
    "set session_replication_role = replica; update pgtrail.event set actor_id = 'eve' where organization_id = 'again' and seq = 500; set session_replication_role = origin",
  )
  const report = await purgedMeanwhile("again", { organization: "again", maxRate: 100 })
  expect(report.findings.map(({ kind, seq }) => `${kind} ${seq}`)).toEqual(["altered 500"])
})

test.skipIf(!existsSync(library))(
  "a run that is killed between two portions goes on when it is started again",
  async () => {
    await append("killed", 1000)
    const code = `
    import { open } from ${JSON.stringify(library)}
    const trail = await open(process.env.URL)
    await trail.purgeOrganization("killed", { reason: "test", confirm: "killed", batchSize: 10, progress: (doing) => process.stdout.write(doing + "\\n") })`
    const child = spawn(process.execPath, ["--input-type=module", "-e", code], {
      env: { PATH: process.env.PATH, URL: db.url },
      stdio: ["ignore", "pipe", "inherit"],
    })
    await new Promise<void>((resolve, reject) => {
      let said = ""
      child.stdout.on("data", (chunk) => {
        said += String(chunk)
        if (/\b[1-9]\d* of 1000 events purged/.test(said)) child.kill("SIGKILL")
      })
      child.on("exit", (_, signal) =>
        signal === "SIGKILL" ? resolve() : reject(new Error("it ended before it was killed")),
      )
    })
    const left = await count("killed")
    expect(left).toBeGreaterThan(0)
    expect(left).toBeLessThan(1000)
    expect(await verify({ organization: "killed" })).toMatchObject({
      verdict: "intact",
      covered: { purged: String(1000 - left) },
    })
    // The session of the dead process may hold the lock for a moment more.
    const finished = await (async () => {
      for (;;) {
        try {
          return await purge("killed")
        } catch (error) {
          if ((error as { code?: string }).code !== "busy") throw error
        }
      }
    })()
    expect(finished).toMatchObject({ remaining: "0" })
    expect(await verify({ organization: "killed" })).toMatchObject({
      verdict: "intact",
      covered: { purged: "1000", events: "0" },
    })
  },
)
