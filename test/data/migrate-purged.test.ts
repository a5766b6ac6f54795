// The way down from retention, holds and rules, and up again: what retention purged verifies at either level.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import type { VerifyReport } from "../../src/data/index.js"
import type { Validation } from "../../src/data/migrate/validate.js"
import { type LifecycleLog, lifecycleLog } from "./lifecycle-fixture.js"
import { catalog, rowsKept } from "./migrate-fixture.js"

const intact = { verdict: "intact", findings: [] }

describe("a log of which retention purged, with holds, rules and settings", () => {
  let log: LifecycleLog
  let newest: unknown
  let chosenBefore: unknown
  let covered: VerifyReport["covered"]
  const below: { level: number; report: VerifyReport; validation: Validation }[] = []
  const goDown = async (to: number) => {
    await log.trail.migrateDown({ to, confirm: log.db.name })
    below.push({ level: to, report: await log.verify(), validation: await log.trail.validate() })
  }
  const chosen = async () =>
    (await log.trail.settings())
      .filter(({ name }) => /^(retention|organization)-/.test(name))
      .map(({ name, value }) => [name, value])
  // One log goes all the way, and the tests look at it on the way.
  beforeAll(async () => {
    log = await lifecycleLog({ older: true })
    await log.db.query("select pgtrail.set_setting('organization-keep-least', '30d')")
    await log.db.query("select pgtrail.attach_partition('event_2020_03')")
    newest = await catalog(log.db)
    chosenBefore = await chosen()
    covered = (await log.verify()).covered
    await goDown(4)
  })
  afterAll(() => log.db.drop())

  describe("at the level below", () => {
    let restore: () => Promise<void>
    beforeAll(async () => {
      restore = await rowsKept(log.db)
    })
    afterEach(() => restore())

    test.each([
      [
        "a purge record",
        "update pgtrail.purge set events = events + 1 where act_seq = (select min(act_seq) from pgtrail.purge)",
      ],
      [
        "an act of a policy",
        "update pgtrail.act set parameters = parameters || '{\"keep\": 1}' where kind = 'retention'",
      ],
      ["a hold's act", "update pgtrail.act set digest = sha256('') where kind = 'hold'"],
      ["a setting", "update pgtrail.setting set value = '9d' where name = 'retention-grace'"],
    ])("shows that somebody altered %s too", async (_, sql) => {
      await log.tamper(sql)
      expect((await log.verify()).verdict).toBe("tampered")
    })
  })

  describe("after the way further down and up", () => {
    const grown = { organization_id: "acme", event_type: "a" }
    let recorded: VerifyReport
    let above: VerifyReport
    beforeAll(async () => {
      await goDown(3)
      // It goes on at that level: what is appended and verified is part of it.
      await log.trail.append([grown])
      recorded = await log.verify({ record: true })
      await log.trail.install()
      above = await log.verify()
    })

    test("verifies at each level below, and has the same events and purges", async () => {
      const { events, purged } = covered
      expect(Number(purged)).toBeGreaterThan(0)
      expect(below.map(({ level }) => level)).toEqual([4, 3])
      for (const { report, validation } of below) {
        expect(report).toMatchObject({ ...intact, covered: { events, purged } })
        expect(validation).toMatchObject({ differences: [] })
      }
      expect(recorded).toMatchObject(intact)
      expect(await catalog(log.db)).toEqual(newest)
      expect(above).toMatchObject({ ...intact, covered: { events: String(BigInt(events) + 1n), purged } })
    })

    test("settings of a later version stay in force", async () => {
      expect(chosenBefore).toContainEqual(["retention-grace", "0d"])
      expect(chosenBefore).toContainEqual(["organization-keep-least", "30d"])
      expect(await chosen()).toEqual(chosenBefore)
    })

    test("has retention, holds and detached partitions from the beginning", async () => {
      await log.db.query("select pgtrail.set_retention('policy', 'short', 100)")
      await log.db.query("select pgtrail.add_hold('C1', 'again', 'globex')")
      const [purged] = await log.db.query(
        "select events, held from pgtrail.purge_partition('event_2020_03', 'retention')",
      )
      expect(Number(purged?.events)).toBeGreaterThan(0)
      expect(Number(purged?.held)).toBeGreaterThan(0)
      await expect(
        log.db.query("select pgtrail.detach_partition('event_2020_03', 'seldom read')"),
      ).rejects.toMatchObject({ code: "TR016" })
      await log.db.query("select pgtrail.release_hold('C1', 'settled')")
      await log.db.query("select pgtrail.detach_partition('event_2020_03', 'seldom read')")
      expect(await log.verify()).toMatchObject(intact)
    })
  })
})
