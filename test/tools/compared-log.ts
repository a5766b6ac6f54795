// A log whose every verification is compared. Not beside compareAll: a mock of database.js imports that, and must not wait for itself.
import { type TestDatabase, testDatabase } from "../database.js"
import { compareAll } from "./compared-database.js"

/** A new log, which is added to `all`; `expectSame` verifies it twice, compares, and tells verdict and findings. */
export async function comparedLog(all: TestDatabase[]) {
  const db = await compareAll({ testDatabase }).testDatabase()
  all.push(db)
  const trail = await db.trail()
  return {
    db,
    trail,
    /** As superuser with every trigger off. */
    tamper: (sql: string) =>
      db.query(`set session_replication_role = replica; ${sql}; set session_replication_role = origin`),
    async expectSame(): Promise<string[]> {
      const { verdict, findings } = await trail.verify({ jobs: 1, record: false })
      return [verdict, ...findings.map(({ kind, seq }) => `${kind} ${seq ?? "-"}`).sort()]
    },
  }
}
export type ComparedLog = Awaited<ReturnType<typeof comparedLog>>
