// Whoever asks what was purged is told of events that came back as of any others: their record explains no gap any more.
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import type { TestDatabase } from "../database.js"
import { archiveLog, type MadeArchive, makeArchive, restore } from "./archive-sql-fixture.js"

let db: TestDatabase
let trail: Trail
let back: MadeArchive
let gone: MadeArchive
beforeAll(async () => {
  db = await archiveLog()
  trail = await db.trail()
  back = await makeArchive(db, "event_2020_01", { organization: "acme" })
  gone = await makeArchive(db, "event_2020_01", { organization: "globex" })
  await restore(await db.client(), back)
})
afterAll(() => db.drop())

test("the log has them, and says how many are gone and which came back", async () => {
  const { organizations: listed } = await trail.organizations()
  expect(listed.map(({ organization_id: name, events, purged }) => [name, events, purged]).sort()).toEqual([
    ["acme", "40", "0"],
    ["globex", "40", "30"],
  ])
  const [act] = await db.query("select restored_seq as seq from pgtrail.archive where name = $1", [back.name])
  const shown = await trail.organization("acme")
  expect(shown).toMatchObject({
    purged: "0",
    purges: [{ act: back.act, events: "30", restored_act: act?.seq }],
  })
  expect((await trail.organization("globex")).purges).toMatchObject([{ act: gone.act, restored_act: null }])
  expect((await trail.uninstall({ dryRun: true })).lost).toMatchObject({ events: "50" })
})

test("a head that was read before its event was archived is still one, and no other hash at its place", async () => {
  const [head] = await db.query(
    `select p.organization_id, p.lane, upper(p.ranges) - 1 as seq, substring(p.hashes from length(p.hashes) - 31) as hash
     from pgtrail.purge p where p.act_seq = $1`,
    [gone.act],
  )
  const check = (seq?: string | null, hash?: string | null) =>
    db.query(
      "select pgtrail.check_heads(array[$1], array[$2::smallint], array[$3::bigint], array[$4::bytea])",
      [head?.organization_id, head?.lane, seq, hash],
    )
  await check(head?.seq, head?.hash)
  const none = { code: "55000", message: expect.stringContaining("not the heads of the log") }
  await expect(check(head?.seq, `\\x${"00".repeat(32)}`)).rejects.toMatchObject(none)
  await expect(check("1", head?.hash)).rejects.toMatchObject(none)
})

test("they verify, are shown, summed up and purged again, with a record that tells of them alone", async () => {
  expect(await trail.verify({ jobs: 1 })).toMatchObject({ verdict: "intact", findings: [] })
  await trail.refreshSummary()
  expect(
    await db.query(
      "select organization_id as name, sum(events) as events from pgtrail.summary group by 1 order by 1",
    ),
  ).toEqual([
    { name: "acme", events: "40" },
    { name: "globex", events: "10" },
  ])
  const plan = { reason: "test", confirm: "acme", dryRun: true }
  expect(await trail.purgeOrganization("acme", plan)).toMatchObject({ events: "40" })
  const again = await makeArchive(db, "event_default", { organization: "acme" })
  expect(again.events).toBe(30)
  expect(await trail.verify({ jobs: 1 })).toMatchObject({ verdict: "intact", findings: [] })
  expect(await trail.organization("acme")).toMatchObject({ purged: "30" })
  expect(await trail.purgeOrganization("acme", plan)).toMatchObject({ events: "10" })
  // The first archive has the same events, and brings them back no second time.
  await expect(restore(await db.client(), back)).rejects.toMatchObject({ code: "TR011" })
  await restore(await db.client(), again)
  expect(await trail.verify({ jobs: 1 })).toMatchObject({ verdict: "intact", findings: [] })
})
