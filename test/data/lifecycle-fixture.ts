// A log with rules of retention, holds, purges by retention and a detached partition, each of which its acts tell of.
import type { Trail, VerifyOptions, VerifyReport } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { makeOlderHold } from "./older-hold.js"

export interface LifecycleLog {
  readonly db: TestDatabase
  readonly trail: Trail
  /** Runs SQL as superuser with every trigger off. */
  tamper(sql: string): Promise<void>
  verify(options?: VerifyOptions): Promise<VerifyReport>
  /** `kind organization/lane/seq`, sorted. */
  found(options?: VerifyOptions): Promise<string[]>
  /** Brings back the rows of all tables as `lifecycleLog` left them. */
  restore(): Promise<void>
}

const tables = [
  "event",
  "event_2020_03",
  "chain_head",
  "act",
  "purge",
  "setting",
  "retention_rule",
  "hold",
  "detached_partition",
]

const months = ["2020_01", "2020_02", "2020_03"]

/**
 * acme and globex, 90 events each from January to March 2020, half of them of the policy short. Purged from January is what of short is not
 * held, and from February the same; March is detached, and has two late events in DEFAULT. `older`: its holds have no salt, so that it may go down.
 */
export async function lifecycleLog({ older = false } = {}): Promise<LifecycleLog> {
  const db = await testDatabase()
  const trail = await db.trail()
  if (older) await makeOlderHold(db)
  const schema = older ? "public" : "pgtrail"
  await db.query("select pgtrail.set_setting('retention-grace', '0d')")
  await append(db, 180)
  await db.query(
    `select pgtrail.split_default(array_agg('event_' || m), array_agg((replace(m, '_', '-') || '-01Z')::timestamptz),
       array_agg(((replace(m, '_', '-') || '-01Z')::timestamptz at time zone 'UTC' + interval '1 month') at time zone 'UTC'))
     from unnest($1::text[]) m`,
    [months],
  )
  await db.query("select pgtrail.set_retention('policy', 'short', 100)")
  await db.query("select pgtrail.set_retention('policy', 'goes', 200, 'globex', event_type => 'never')")
  await db.query("select pgtrail.set_retention('policy', 'goes', null)")
  await db.query("select pgtrail.set_retention('floor', 'pci', 365, compliance_tag => 'PCI')")
  await db.query(
    `select ${schema}.add_hold('C1', 'a claim', 'acme', actor => 'u4', until => '2020-02-01', requested_by => 'counsel')`,
  )
  await db.query(
    `select ${schema}.add_hold('C2', 'another', event_type => 'data', expires_at => '2999-01-01')`,
  )
  await db.query("select pgtrail.release_hold('C2', 'settled')")
  await db.query("select * from pgtrail.purge_partition('event_2020_01', 'retention', rewrite => true)")
  await db.query("select * from pgtrail.purge_partition('event_2020_02', 'retention', most => 9)")
  await db.query("select * from pgtrail.purge_partition('event_2020_02', 'retention')")
  await db.query("select pgtrail.detach_partition('event_2020_03', 'seldom read')")
  await append(db, 2, "2020-03-10")
  for (const table of tables) {
    await db.query(`create table public.${table}_copy as select * from pgtrail.${table}`)
  }
  const tamper = async (sql: string) => {
    await db.query("set session_replication_role = replica")
    try {
      await db.query(sql)
    } finally {
      await db.query("set session_replication_role = origin")
    }
  }
  const verify = (options: VerifyOptions = {}) => trail.verify({ jobs: 1, record: false, ...options })
  return {
    db,
    trail,
    tamper,
    verify,
    async found(options) {
      const { findings } = await verify(options)
      return findings
        .map((f) => `${f.kind} ${f.organization_id ?? "-"}/${f.lane ?? "-"}/${f.seq ?? "-"}`)
        .sort()
    },
    restore: () =>
      tamper(
        tables
          .map(
            (table) =>
              `delete from pgtrail.${table}; insert into pgtrail.${table} select * from public.${table}_copy;`,
          )
          .join("\n"),
      ),
  }
}

/** `count` events from January 15th 2020 on, twelve hours apart, or all of them at `at`. */
export async function append(db: TestDatabase, count: number, at?: string): Promise<void> {
  await db.query(
    `insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id, retention_policy, compliance_tags)
     select case when i % 2 = 0 then 'acme' else 'globex' end, coalesce($2::timestamptz, timestamptz '2020-01-15Z' + (i - 1) * interval '10 hours'),
       'data.read', 'u' || i % 10, case when i % 4 < 2 then 'short' else 'standard' end, case when i % 20 = 1 then array['PCI'] end
     from generate_series(1, $1::int) i`,
    [count, at ?? null],
  )
}
