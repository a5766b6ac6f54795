// A backup of a log that an earlier pgtrail installed is restored as that log, and goes up from there.
import { afterAll, beforeAll, expect, test } from "vitest"
import type { TestDatabase } from "../database.js"
import { type Backups, backups, contents } from "./backup-restore-fixture.js"
import { failureOf } from "./failure.js"
import { type Level, newestLevel, olderLog } from "./migrate-fixture.js"

let place: Backups
beforeAll(async () => {
  place = await backups()
})
afterAll(() => place.remove())

/** The partitions that stay empty: each costs the backup, the restore and the verification time. */
async function dropLater(db: TestDatabase): Promise<void> {
  const [row] = await db.query(
    `select string_agg(inhrelid::regclass::text, ', ') as later from pg_inherits
     where inhparent = 'pgtrail.event'::regclass and inhrelid::regclass::text ~ '^pgtrail.event_\\d'
       and inhrelid::regclass::text > 'pgtrail.event_' || to_char(timezone('UTC', now()) + interval '2 months', 'YYYY_MM')`,
  )
  if (row?.later != null) await db.query(`drop table ${row.later}`)
}

test.for<[Level, boolean]>([
  // Nobody verifies a log at migration 1 before it is migrated.
  [1, true],
  [2, false],
  [3, true],
  [4, false],
  [5, true],
  [6, true],
  [7, false],
])(
  "a log at migration %i, with roles: %s, comes back at it, verifies, and can migrate up",
  async ([level, roles]) => {
    const old = await olderLog(level, { roles })
    try {
      await dropLater(old.db)
      const newest = (await old.db.query("select max(seq) as seq from pgtrail.act"))[0]?.seq ?? ""
      const backup = await place.of(old.trail)
      const { db, trail, restore } = await place.empty()
      const done = await restore(backup)
      if (level > 1) expect(done.verification).toMatchObject({ verdict: "intact", findings: [] })
      expect(done).toMatchObject({ level, roles, incarnation: level === 1 ? null : { number: "2" } })
      expect(done.next[0]).toBe("pgtrail migrate up")
      expect(await contents(db, newest)).toEqual(await contents(old.db, newest))
      if (level === 6) {
        await old.db.query(
          "set session_replication_role = replica; update pgtrail.act set recorded_at = now() + interval '1 day' where seq = 2",
        )
        const ahead = await failureOf((await place.empty()).restore(await place.of(old.trail)))
        expect(ahead).toMatchObject({
          code: "config",
          message: expect.stringContaining("the clock of this server"),
        })
      }
      // What is the same log goes up as test/data/migrate-path.test.ts has it.
      if (level !== 1 && level !== 7) return
      await db.query("insert into pgtrail.event (event_type) values ('x')")
      await trail.install()
      expect((await trail.validate()).migration).toContain(String(newestLevel()))
      expect(await trail.verify({ jobs: 1, record: false })).toMatchObject({
        verdict: "intact",
        findings: [],
      })
    } finally {
      await old.db.drop()
    }
  },
)
