// A log with old partitions, of which a policy lets some events go: for the tests of retention.
import type { Client } from "pg"
import { expect } from "vitest"
import type { RetentionRun, RetentionRunOptions, Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { bringBack, keepLog } from "./kept-log.js"

export interface RetentionLog {
  readonly db: TestDatabase
  readonly trail: Trail
  /** `count` events from a time on, an hour apart; every second one of the policy `short`. In one statement: lane 0, or the lane of short. */
  append(
    count: number,
    options?: { org?: string; at?: string; type?: string; policy?: string },
  ): Promise<void>
  count(where?: string): Promise<number>
  partitions(): Promise<string[]>
  run(options?: RetentionRunOptions): Promise<RetentionRun>
  /** As superuser with every trigger off. */
  tamper(sql: string): Promise<void>
  /** `kind organization/lane/seq`, sorted. */
  findings(): Promise<string[]>
  /** Live and purged events, which verify must find intact. */
  intact(): Promise<{ live: number; purged: number }>
  /** What `reset` brings back is what is there now. */
  keep(): Promise<void>
  /** The log is as it was kept, for the next test: a fifth of what another log costs. */
  reset(): Promise<void>
}

/** Partitions of January to March 2020; policy `short` keeps 100 days, standard ten years; no grace, unless `grace` says so. */
export async function retentionLog({ grace = "0d" } = {}): Promise<RetentionLog> {
  const db = await testDatabase()
  const trail = await db.trail()
  await db.query("select pgtrail.set_setting('retention-grace', '0d')")
  for (const month of [1, 2, 3]) {
    await db.query("select pgtrail.create_partition($1, $2, $3)", [
      `event_2020_0${month}`,
      `2020-0${month}-01Z`,
      `2020-0${month + 1}-01Z`,
    ])
  }
  await db.query("select pgtrail.set_retention('policy', 'short', 100, confirmed => true)")
  // Events of 2020 stay until the end of 2029.
  await db.query("select pgtrail.set_retention('policy', 'standard', 3650, confirmed => true)")
  await rewriteSmall(db)
  if (grace !== "0d") await db.query("select pgtrail.set_setting('retention-grace', $1)", [grace])
  return {
    db,
    trail,
    async append(count, { org = "acme", at = "2020-01-02", type = "data.read", policy } = {}) {
      await db.query(
        `insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id, retention_policy)
         select $1, $2::timestamptz + (i - 1) * interval '1 hour', $3, 'u' || i % 10,
           coalesce($4, case when i % 2 = 1 then 'short' else 'standard' end)
         from generate_series(1, $5::int) i`,
        [org, `${at}Z`, type, policy ?? null, count],
      )
    },
    async count(where = "true") {
      const [row] = await db.query(`select count(*) as n from pgtrail.event where ${where}`)
      return Number(row?.n)
    },
    async partitions() {
      const rows = await db.query("select name from pgtrail.partitions() order by name")
      return rows.map(({ name }) => name ?? "")
    },
    run: (options = {}) => trail.runRetention(options),
    async tamper(sql) {
      await db.query(`set session_replication_role = replica; ${sql}; set session_replication_role = origin`)
    },
    async findings() {
      const { findings } = await trail.verify({ jobs: 1, record: false })
      return findings
        .map((f) => `${f.kind} ${f.organization_id ?? "-"}/${f.lane ?? "-"}/${f.seq ?? "-"}`)
        .sort()
    },
    async intact() {
      const report = await trail.verify({ jobs: 1, record: false })
      expect(report.findings).toEqual([])
      expect(report.verdict).toBe("intact")
      return { live: Number(report.covered.events), purged: Number(report.covered.purged) }
    },
    keep: () => keepLog(db),
    reset: async () => void (await bringBack(db)),
  }
}

/** Builds partitions anew that are too small for it: for sessions that begin after this. */
export const rewriteSmall = (db: Pick<TestDatabase, "query">) =>
  db.query(
    "do $$ begin execute format('alter database %I set pgtrail.rewrite_from = 0', current_database()); end $$",
  )

/** Waits until a condition holds, told by the server itself. */
export async function until(db: TestDatabase, condition: string): Promise<void> {
  for (let tries = 0; tries < 6000; tries += 1) {
    const [row] = await db.query(
      `select (${condition})::text as holds, pg_sleep(0.01), pg_stat_clear_snapshot()`,
    )
    if (row?.holds === "true") return
  }
  throw new Error(`in vain: ${condition}`)
}

/** Of pg_locks: in this database. */
export const here = "database = (select oid from pg_database where datname = current_database())"

/** A session waits for an advisory lock (of the chain of acts: -1). */
export const waits = (secondKey: number): string =>
  `select exists (select from pg_locks where not granted and locktype = 'advisory' and classid = 1885828210 and objid::bigint = ${secondKey + 4294967296} and ${here})`

/** Holds the lock of the chain of acts while `work` runs, then lets it go by committing what was done in the session. */
export async function whileActsWait<T>(
  db: TestDatabase,
  running: () => Promise<T>,
  meanwhile: (holder: Client) => Promise<void>,
): Promise<T> {
  const holder = await db.client()
  try {
    await holder.query("begin; select pg_advisory_xact_lock(1885828210, -1)")
    const run = running()
    run.catch(() => undefined)
    await until(db, waits(-1))
    await meanwhile(holder)
    await holder.query("commit")
    return await run
  } finally {
    await holder.end()
  }
}
