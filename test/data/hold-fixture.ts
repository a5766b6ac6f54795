// A small log on which holds are placed, as it was made before each test.
import { afterAll, afterEach, beforeAll } from "vitest"
import type { AddedHold, NewHold, Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { bringBack, keepLog } from "./kept-log.js"

export interface HeldLog {
  readonly db: TestDatabase
  readonly trail: Trail
  /** The numbers of the events that are held, as the log itself says. */
  heldBy(): Promise<number[]>
  /** Places a hold of the case C. */
  hold(what: Partial<NewHold>): Promise<AddedHold>
  /** How many events there are. */
  left(): Promise<number>
}

/** The id of the event with this number, as SQL. */
export const idOf = (n: number): string => `'0199aaf0-7c1e-7b2c-9a55-00000000000${n}'`

/** Registers what makes the log of a file, and brings it back after each test; without a grace. */
export function heldLogs(): () => HeldLog {
  let log: HeldLog | undefined
  beforeAll(async () => {
    const db = await testDatabase()
    const trail = await db.trail()
    await db.query("select pgtrail.set_setting('retention-grace', '0d')")
    await db.query(`insert into pgtrail.event
      (id, organization_id, occurred_at, event_type, actor_id, resource_type, resource_id, correlation_id) values
      (${idOf(1)}, 'acme', '2026-01-01Z', 'auth', 'u1', 'doc', '1', 'c1'),
      (${idOf(2)}, 'acme', '2026-01-02Z', 'auth.login', 'u2', 'doc', '2', null),
      (${idOf(3)}, 'acme', '2026-01-03Z', 'authz', null, 'document', '1', 'c1'),
      (${idOf(4)}, 'globex', '2026-01-04Z', 'auth.login.failed', 'u1', 'doc', null, 'c2'),
      (${idOf(5)}, 'globex', '2026-02-01Z', 'data.read', null, null, null, null),
      (${idOf(6)}, 'globex', 'infinity', 'data.read', 'U1', null, null, null)`)
    await keepLog(db)
    log = {
      db,
      trail,
      async heldBy() {
        const rows = await db.query(`select right(e.id::text, 1) as n from pgtrail.event e
          where exists (select from pgtrail.holds_on(e.organization_id, e.lane, e.seq, e.occurred_at)) order by 1`)
        return rows.map(({ n }) => Number(n))
      },
      hold: (what) => trail.addHold({ case: "C", reason: "r", ...what }),
      left: async () => Number((await db.query("select count(*) as n from pgtrail.event"))[0]?.n),
    }
  })
  afterEach(async () => void (log && (await bringBack(log.db))))
  afterAll(() => log?.db.drop())
  return () => {
    if (log === undefined) throw new Error("no log was made")
    return log
  }
}
