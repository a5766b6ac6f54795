// The rules of retention of a log, forgotten before each test.
import { afterAll, beforeAll, beforeEach } from "vitest"
import type { RuleChange, Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"
import type { Kind } from "./retention-rule-model.js"

export interface RuledLog {
  readonly db: TestDatabase
  readonly trail: Trail
  /** The policy that events of this kind have, and its days with the floors: `short 30`. */
  keeps(event?: Partial<Kind>): Promise<string>
  /** Sets a policy, confirmed unless told. */
  set(name: string, days: number, of?: object, confirmed?: boolean): Promise<RuleChange>
  /** As if no rule had ever been set. */
  forget(): Promise<unknown>
}

/** Registers what makes the log of a file. */
export function ruledLog(): () => RuledLog {
  let log: RuledLog | undefined
  beforeAll(async () => {
    const db = await testDatabase()
    const trail = await db.trail()
    log = {
      db,
      trail,
      async keeps({ organization, type, classification, policy: own, tags } = {}) {
        const kind = { organization, type, classification: classification ?? undefined, policy: own, tags }
        const { policy, keep_days } = await trail.explainRetention(kind)
        return `${policy.name} ${keep_days}`
      },
      set: (name, keepDays, of = {}, confirmed = true) =>
        trail.setRetentionRule(
          "policy",
          { name, keepDays, ...of },
          { confirm: confirmed ? name : undefined },
        ),
      forget: () =>
        db.query(`set session_replication_role = replica;
          delete from pgtrail.retention_rule where act_seq > 0;
          update pgtrail.retention_rule set counts_until = 'infinity', ended_seq = null;
          delete from pgtrail.setting where name in ('retention-grace', 'organization-keep-least', 'organization-keep-most');
          set session_replication_role = origin`),
    }
  })
  beforeEach(() => log?.forget())
  afterAll(() => log?.db.drop())
  return () => {
    if (log === undefined) throw new Error("no log was made")
    return log
  }
}
