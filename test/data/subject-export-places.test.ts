// Wherever the events of a person stand they are given to him: in many partitions, in detached ones, in archives, under his pseudonym.
import { mkdirSync, readFileSync, renameSync } from "node:fs"
import { pathToFileURL } from "node:url"
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Identifier, SubjectExportOptions, Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { runBlocking } from "./blocking.js"
import { folder } from "./checkpoint-fixture.js"
import { failureOf } from "./failure.js"

const { path, remove } = folder()
const organizations = ["acme", "globex", "hooli"]
let db: TestDatabase
let trail: Trail

// %, quotes, upper case, and letters that have two forms.
const whom: readonly Identifier[] = [{ kind: "id", value: `50%_O'Zo\u00eb "x"` }]

beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  await db.query("select pgtrail.create_months('2020-01-01', '2020-07-01')")
  // Decomposed in the log, composed where it is typed.
  await db.query(
    `insert into pgtrail.event (organization_id, event_type, actor_id, occurred_at, details)
     select o, 'a.b', case when i % 3 = 0 then $1 else 'other-' || i end, timestamptz '2020-01-05Z' + i * interval '10 days', '{"n": 1.10}'
     from generate_series(0, 20) i, unnest($2::text[]) o order by i`,
    [whom[0]?.value.normalize("NFD"), organizations],
  )
})
afterAll(async () => {
  await db?.drop()
  remove()
})

let made = 0

async function given(options: Partial<SubjectExportOptions> = {}) {
  made += 1
  const out = path(`places-${made}.json`)
  const { manifest } = await trail.exportSubject(whom, { out, ...options })
  const { events } = JSON.parse(readFileSync(out, "utf8")) as { events: Record<string, string>[] }
  expect(manifest.counts.events).toBe(String(events.length))
  return { manifest, places: events.map((event) => `${event.organization_id}/${event.seq}`).sort(), events }
}

const expected = async (): Promise<string[]> =>
  (
    await db.query("select organization_id || '/' || seq as place from pgtrail.event where actor_id = $1", [
      whom[0]?.value.normalize("NFD"),
    ])
  ).map(({ place }) => place ?? "")

test("many partitions and organizations are one answer, oldest first, whichever form of Unicode was typed", async () => {
  const { places, events, manifest } = await given()
  expect(places).toEqual((await expected()).sort())
  expect(places).toHaveLength(21)
  const times = events.map(({ occurred_at }) => occurred_at)
  expect(times).toEqual([...times].sort())
  expect(manifest.searched.partitions.length).toBeGreaterThan(7)
})

test("what is detached is read too, and the manifest says so", async () => {
  const all = (await expected()).sort()
  await trail.detachPartition("event_2020_05", "seldom read")
  try {
    const { places, manifest } = await given()
    expect(places).toEqual(all)
    expect(manifest.searched.detached).toEqual(["event_2020_05"])
  } finally {
    await trail.attachPartition("event_2020_05")
  }
})

test("what stands in archives is given, and an archive that cannot be read is named with what includes it", async () => {
  const all = (await expected()).sort()
  mkdirSync(path("archive"))
  const to = pathToFileURL(path("archive")).href
  const run = await trail.createArchives({ to, partition: "event_2020_02" })
  const name = run.partitions[0]?.archive ?? ""
  const { places, manifest } = await given()
  expect(places).toEqual(all)
  expect(manifest.searched.archives).toMatchObject([{ name, included: true, events: "3" }])

  const without = await given({ archives: false })
  expect(without.places).toHaveLength(all.length - 3)
  expect(without.manifest.searched.archives).toMatchObject([{ name, included: false, events: null }])

  renameSync(path("archive"), path("away"))
  const away = await given()
  expect(away.places).toHaveLength(all.length - 3)
  expect(away.manifest.searched.archives).toMatchObject([
    { name, included: false, next: `pgtrail archive restore ${name}, and the export again` },
  ])
  renameSync(path("away"), path("archive"))

  await trail.restoreArchive(name, { reason: "asked for" })
  const back = await given()
  expect(back.places).toEqual(all)
  expect(back.manifest.searched.archives).toEqual([])
})

test("what stands under a pseudonym of his is his, for whoever has the key", async () => {
  const secret = Buffer.alloc(32, 7).toString("base64")
  const keys = { ids: ["k1"], read: async () => secret }
  await trail.addPrivacyKey({ id: "k1", keys })
  await trail.pseudonymize(whom, {
    strategy: "hash",
    reason: "a request",
    requestedBy: "dpo",
    organizations: ["hooli"],
    keys,
  })
  const without = await given()
  expect(without.places).toHaveLength(14)
  expect(without.manifest.searched.missing_keys).toEqual(["k1"])
  expect(without.manifest.statement.join()).toContain("searched.missing_keys")
  const { places, manifest } = await given({ keys })
  expect(manifest.searched.missing_keys).toEqual([])
  expect(places).toHaveLength(21)
  expect(manifest.counts.masked).toBe("0")
})

test("a partition that is built anew while it is read is no partition without events: nothing is written", async () => {
  let seen = 0
  const progress = () => {
    if (seen++ === 0) runBlocking(db.url, "vacuum full pgtrail.event_2020_06")
  }
  const error = await failureOf(given({ progress }))
  expect([error.code, error.message]).toEqual(["retry", expect.stringContaining("event_2020_06")])
})
