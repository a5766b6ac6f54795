// Runs that change partitions and purge, each of their steps, and what holds them there: for the tests that kill them.
import type { Client } from "pg"
import type { Trail } from "../../src/data/index.js"

/** What a cluster's server and a test's database have in common. */
export interface Log {
  readonly url: string
  query(sql: string, params?: readonly unknown[]): Promise<Record<string, string | null>[]>
  client(): Promise<Client>
  trail(): Promise<Trail>
}

export interface Step {
  readonly at: string
  /** Holds the run at this step, done by another session in a transaction. */
  readonly hold: string
  /** All that was purged when the run is there. */
  readonly purged?: number
  /** How many partitions are due then. */
  readonly due?: number
}

/** A run, to be killed at a step. */
export interface Fault {
  readonly run: readonly string[]
  readonly step: Step
}

export interface Phase {
  readonly run: readonly string[]
  /** Before it. */
  readonly first?: (log: Log) => Promise<unknown>
  readonly steps: readonly Step[]
}

const advisory = (second: number) => `select pg_advisory_xact_lock(1885828210, ${second})`
/** See `stop` in `fill`: the run stops right after it dropped or made this. */
const after = (identity: string) => `select pg_advisory_xact_lock(42, hashtext('${identity}'))`
const reads = (table: string) => `select count(*) from only pgtrail.${table}`
const locked = (table: string, mode = "access exclusive") =>
  `lock table only pgtrail.${table} in ${mode} mode`
/** Whoever makes it waits until this transaction is over. */
const taken = (name: string) => `create table pgtrail.${name} ()`

/** January goes whole, of February and DEFAULT a half, of March little. */
export const retention: Phase = {
  run: ["retention", "run"],
  steps: [
    { at: "waits for a change of partitions", hold: advisory(-8) },
    { at: "reads", hold: locked("event_2020_01") },
    { at: "waits for the chain of acts", hold: advisory(-1) },
    { at: "waits for a reader of what it drops", hold: reads("event_2020_01") },
    { at: "has recorded and dropped, and would commit", hold: after("pgtrail.event_2020_01") },
    {
      at: "is in its second partition, and builds it anew",
      hold: taken("event_2020_02_rewritten"),
      purged: 40,
    },
    { at: "has built anew, and waits for a reader", hold: reads("event_2020_02"), purged: 40 },
    { at: "has dropped what it built anew", hold: after("pgtrail.event_2020_02"), purged: 40 },
    {
      at: "has attached, and would commit",
      hold: after("pgtrail_bounds on pgtrail.event_2020_02"),
      purged: 40,
    },
    { at: "has recorded, and would delete", hold: locked("event_2020_03", "share"), purged: 60 },
    { at: "has built DEFAULT anew, and waits for a reader", hold: reads("event_default"), purged: 64 },
    { at: "has dropped DEFAULT", hold: after("pgtrail.event_default"), purged: 64 },
    {
      at: "has attached DEFAULT, and would commit",
      hold: after("pgtrail_bounds on pgtrail.event_default"),
      purged: 64,
    },
  ],
}

/** Two empty partitions ahead are due, named FIRST and SECOND here, and two months that lie in DEFAULT. */
const maintain: Phase = {
  run: ["partition", "maintain"],
  first: (log) => log.query("select pgtrail.set_setting('partitions-ahead', '3')"),
  steps: [
    { at: "waits for a change of partitions", hold: advisory(-8), due: 4 },
    { at: "reads DEFAULT", hold: locked("event_default") },
    { at: "has made the first of two", hold: taken("SECOND") },
    { at: "waits for the chain of acts", hold: advisory(-1) },
    { at: "waits for a reader", hold: reads("event_default") },
    { at: "has attached the first of two", hold: after("pgtrail_bounds on pgtrail.FIRST") },
    { at: "has attached both, and would commit", hold: after("pgtrail_bounds on pgtrail.SECOND"), due: 4 },
    { at: "is between two portions", hold: taken("event_2025_05"), due: 2 },
    { at: "builds DEFAULT anew", hold: taken("event_default_rebuilt") },
    { at: "has built DEFAULT anew, and waits for a reader", hold: reads("event_default") },
    { at: "has dropped DEFAULT", hold: after("pgtrail.event_default") },
    { at: "has attached a month of DEFAULT", hold: after("pgtrail_bounds on pgtrail.event_2025_05") },
    {
      at: "has attached all, and would commit",
      hold: after("pgtrail_bounds on pgtrail.event_default"),
      due: 2,
    },
  ],
}

const detach: Phase = {
  run: ["partition", "detach", "event_2025_05", "--reason", "seldom read"],
  steps: [
    { at: "waits for a change of partitions", hold: advisory(-8) },
    { at: "waits for the chain of acts", hold: advisory(-1) },
    { at: "waits for a reader", hold: reads("event_2025_05") },
    { at: "has recorded and detached", hold: after("pgtrail_closed on pgtrail.event_2025_05") },
  ],
}

/** Late events of its time lie in DEFAULT. */
const attach: Phase = {
  run: ["partition", "attach", "event_2025_05"],
  first: (log) => append(log, 6, "2025-05-20", "long"),
  steps: [
    { at: "waits for a change of partitions", hold: advisory(-8) },
    { at: "has recorded, and builds DEFAULT anew", hold: taken("event_default_rebuilt") },
    { at: "has opened it, and waits for a reader", hold: reads("event_default") },
    { at: "has attached", hold: after("pgtrail_bounds on pgtrail.event_2025_05") },
  ],
}

export const phases: readonly Phase[] = [retention, maintain, detach, attach]

/** `short` is over, `long` is not for a hundred years. */
export async function append(log: Log, count: number, at: string, policy: string): Promise<void> {
  await log.query(
    `insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id, retention_policy)
     select 'o' || i % 2, $1::timestamptz + i * interval '1 minute', 'a.b', concat_ws('-', $1::text, $2::text, i), $2
     from generate_series(1, $3::int) i`,
    [`${at}Z`, policy, count],
  )
}
