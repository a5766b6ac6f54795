// A verification that runs while others redact, purge, archive, restore and detach never takes that for tampering.
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { redact } from "./redact-fixture.js"
import { append } from "./verify-redact-fixture.js"

let db: TestDatabase
let trail: Trail
let folder: string
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  folder = await mkdtemp(join(tmpdir(), "pgtrail-redact-"))
  await db.query("select pgtrail.set_setting('retention-grace', '0d')")
  for (const organization of ["acme", "globex"]) await append(db, 500, organization)
  await db.query(
    "select pgtrail.split_default(array['event_2020_01'], array['2020-01-01Z'::timestamptz], array['2020-02-01Z'::timestamptz])",
  )
})
afterAll(async () => {
  await db.drop()
  await rm(folder, { recursive: true, force: true })
})

test("whatever commits meanwhile, there is no finding, and at the end all is counted", async () => {
  let isWorking = true
  const options = [
    {},
    { jobs: 2 },
    { maxSeconds: 60, pageRows: 100 },
    { since: "2020-01-03Z" },
    { organization: "acme" },
  ]
  const verify = async (first: number) => {
    const found: unknown[] = []
    for (let round = first; isWorking || round < first + 3; round++) {
      const report = await trail.verify({
        jobs: 1,
        record: false,
        archives: [],
        ...options[round % options.length],
      })
      found.push(...report.findings)
    }
    return found
  }
  const verifications = [verify(0), verify(2)]
  const work = async () => {
    for (let n = 0; n < 2; n++) {
      await redact(db, [["id", `u${n}`]])
      await append(db, 20, "acme")
      await redact(db, [["id", `u${n + 1}`]], { strategy: "token", replacements: tokens })
      const { partitions } = await trail.createArchives({
        to: pathToFileURL(folder).href,
        partition: "event_2020_01",
      })
      await trail.restoreArchive(partitions[0]?.archive ?? "", { reason: "to look at it" })
      await trail.purgeOrganization("globex", { reason: "gone", confirm: "globex", batchSize: 200 })
      await append(db, 100, "globex")
      await db.query("select pgtrail.detach_partition('event_2020_01', 'seldom read')")
      await redact(db, [["id", "u4"]])
      await db.query("select pgtrail.attach_partition('event_2020_01')")
    }
  }
  try {
    await work()
  } finally {
    isWorking = false
  }
  expect((await Promise.all(verifications)).flat()).toEqual([])
  const report = await trail.verify({ jobs: 2, record: false })
  const [counts] = await db.query(
    `select count(*) filter (where identity_digest is not null or content_digest is not null) as redacted,
       count(identity_digest) as redacted_identity, count(content_digest) as redacted_content from pgtrail.event`,
  )
  expect(report).toMatchObject({ verdict: "intact", covered: counts })
  expect(Number(counts?.redacted)).toBeGreaterThan(200)
})

const tokens = { acme: "p1:t:k1:AAAAAAAAAAAAAAAAAAAAAA", globex: "p1:t:k1:BBBBBBBBBBBBBBBBBBBBBB" }
