// What retention would purge from now on: by organization and policy, how much, when, and what keeps it.
import type { Client } from "pg"
import { type ConnectionTarget, withClient } from "../connection.js"
import { unknown } from "../purge/refusals.js"
import { writeTime } from "../query/columns.js"
import { refuseForeignFunctions } from "../verify/foreign.js"
import { type Candidate, candidates } from "./candidates.js"
import { graceSql } from "./rule.js"

export interface RetentionPlanOptions {
  /** Days from now. Default 30. */
  readonly withinDays?: number | undefined
  readonly organization?: string | undefined
  /** Also counts what does not verify of what would go now: as dear as the run itself. */
  readonly verify?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  readonly progress?: ((doing: string) => void) | undefined
}

/** Of one organization and policy. */
export interface PlannedPurge {
  readonly organization_id: string
  readonly policy: string
  /** The floor that lengthens the policy. */
  readonly floor: string | null
  readonly keep_days: string
  /** Events that would go, and what they take up: a share of their partitions' sizes. */
  readonly events: string
  readonly bytes: string
  /** Those of them that a run would take at once, and those whose time is over by the end of these days. */
  readonly events_now: string
  readonly events_later: string
  /** When the first and the last of them are due: in the past where a run would take them at once; null where none goes. */
  readonly first_goes_at: string | null
  readonly last_goes_at: string | null
  /** Events whose time is over by then, or that are due for an archive, and that stay: under a hold. */
  readonly held: string
  /** Events whose time is over, or that are due for an archive, and that the grace keeps back; what goes when it ends is among those that go later. */
  readonly fresh: string
  /** The cases that hold them. */
  readonly cases: readonly string[]
  /** When the oldest and the newest of all these occurred. */
  readonly oldest: string | null
  readonly newest: string | null
  /** Events that are due for an archive, and that archiving what is due would take now. */
  readonly awaiting_archive: string
}

export interface RetentionPlan {
  readonly within_days: string
  readonly organization: string | null
  /** When it was asked, and the end of these days. */
  readonly at: string
  readonly until: string
  readonly purges: readonly PlannedPurge[]
  /** How many partitions were read, of how many. */
  readonly partitions: string
  readonly partitions_of: string
  /** Events that would go now and do not verify, so that they stay; null where that was not asked. */
  readonly unsound: string | null
  /** Rules that were shortened or removed, and still keep what they kept. */
  readonly waiting: readonly {
    readonly kind: string
    readonly name: string
    readonly keep_days: string
    readonly until: string
  }[]
}

/** Throws `not-found` for an organization that there is not. */
export function planRetention(
  target: ConnectionTarget,
  options: RetentionPlanOptions = {},
): Promise<RetentionPlan> {
  return withClient(target, async (client) => {
    await refuseForeignFunctions(client)
    const { organization, withinDays = 30 } = options
    if (organization !== undefined) await refuseUnknown(client, organization)
    const found = await candidates(client, organization, { withinDays, archives: true })
    const { rows } = await client.query<{ now: string; until: string; all: string }>(
      `select now() as now, now() + $1::int * interval '24 hours' as until, (select count(*) from pgtrail.partitions()) as all`,
      [withinDays],
    )
    const { now = "", until = "", all = "0" } = rows[0] ?? {}
    const sums = new Map<string, PlannedPurge>()
    for (const [index, candidate] of found.entries()) {
      options.signal?.throwIfAborted()
      options.progress?.(`${candidate.name}: partition ${index + 1} of ${found.length}`)
      for (const row of await planned(client, candidate, { now, until, organization })) {
        const key = JSON.stringify([row.organization_id, row.policy, row.floor, row.keep_days])
        sums.set(key, merged(sums.get(key), row))
      }
    }
    const unsound = options.verify === true ? await unsoundOf(client, options) : null
    return {
      within_days: String(withinDays),
      organization: organization ?? null,
      at: writeTime(now),
      until: writeTime(until),
      purges: [...sums.values()].filter(isOf).sort(inOrder),
      partitions: String(found.length),
      partitions_of: all,
      unsound,
      waiting: await waiting(client),
    }
  })
}

async function refuseUnknown(client: Client, organization: string): Promise<void> {
  const { rowCount } = await client.query(
    "select from pgtrail.chain_head h where h.organization_id = $1 limit 1",
    [organization],
  )
  if (rowCount === 0) throw await unknown(client, organization, "")
}

const isOf = ({ events, held, fresh, awaiting_archive }: PlannedPurge): boolean =>
  [events, held, fresh, awaiting_archive].some((count) => count !== "0")

const inOrder = (a: PlannedPurge, b: PlannedPurge): number => (place(a) < place(b) ? -1 : 1)
const place = ({ organization_id, policy, keep_days }: PlannedPurge): string =>
  [organization_id, policy, keep_days.padStart(6, "0")].join("\0")

async function planned(
  client: Client,
  { name }: Candidate,
  { now, until, organization }: { now: string; until: string; organization: string | undefined },
): Promise<PlannedPurge[]> {
  const { rows } = await client.query<Record<string, string | null>>(
    `select r.organization_id, r.policy, r.floor, r.keep_days, r.expired as events,
       r.expired_now as events_now, r.expired - r.expired_now as events_later, r.held, r.fresh, r.oldest, r.newest,
       r.first_at, r.last_at, r.archivable as awaiting_archive, array_to_json(r.cases) as cases,
       round(pg_total_relation_size(p.oid) * r.expired / greatest(sum(r.events) over (), p.rows, 1)) as bytes
     from (select p.name, p.oid, case when $3::text is not null then c.reltuples::bigint end as rows
       from pgtrail.partitions() p join pg_class c on c.oid = p.oid where p.name = $1) p,
       lateral pgtrail.retention_plan(p.name, $2, $3, $4) r`,
    [name, until, organization ?? null, now],
  )
  return rows.map(
    ({ first_at, last_at, oldest, newest, cases, ...row }) =>
      ({
        ...row,
        oldest: writeTime(oldest ?? null),
        newest: writeTime(newest ?? null),
        first_goes_at: writeTime(first_at ?? null),
        last_goes_at: writeTime(last_at ?? null),
        cases: cases == null ? [] : JSON.parse(cases),
      }) as unknown as PlannedPurge,
  )
}

function merged(a: PlannedPurge | undefined, b: PlannedPurge): PlannedPurge {
  if (a === undefined) return b
  const sum = (
    column: "events" | "events_now" | "events_later" | "bytes" | "held" | "fresh" | "awaiting_archive",
  ): string => String(BigInt(a[column]) + BigInt(b[column]))
  return {
    ...a,
    events: sum("events"),
    events_now: sum("events_now"),
    events_later: sum("events_later"),
    bytes: sum("bytes"),
    held: sum("held"),
    fresh: sum("fresh"),
    awaiting_archive: sum("awaiting_archive"),
    oldest: end(a.oldest, b.oldest, 0),
    newest: end(a.newest, b.newest, -1),
    first_goes_at: end(a.first_goes_at, b.first_goes_at, 0),
    last_goes_at: end(a.last_goes_at, b.last_goes_at, -1),
    cases: [...new Set([...a.cases, ...b.cases])].sort(),
  }
}

/** Of two times, written alike, the earlier (0) or the later (-1). */
function end(a: string | null, b: string | null, which: 0 | -1): string | null {
  const times = [a, b].filter((time) => time !== null)
  return times.sort(byTime).at(which) ?? null
}

const byTime = (a: string, b: string): number => (timeOrder(a) < timeOrder(b) ? -1 : 1)
const timeOrder = (time: string): string =>
  time === "-infinity"
    ? "0"
    : time === "infinity"
      ? "3"
      : time.endsWith("BC")
        ? `1${time}`
        : `2${time.padStart(40, "0")}`

/** What would go now is read as the run would read it. */
async function unsoundOf(client: Client, options: RetentionPlanOptions): Promise<string> {
  let unsound = 0n
  for (const { name } of await candidates(client, options.organization)) {
    options.signal?.throwIfAborted()
    options.progress?.(`${name}: verifying`)
    const { rows } = await client.query<{ unsound: string }>(
      "select unsound from pgtrail.purge_partition($1, 'plan', $2, dry_run => true)",
      [name, options.organization ?? null],
    )
    unsound += BigInt(rows[0]?.unsound ?? "0")
  }
  return String(unsound)
}

async function waiting(client: Client): Promise<RetentionPlan["waiting"]> {
  const { rows } = await client.query<RetentionPlan["waiting"][number]>(
    `select r.kind, r.name, r.keep_days, r.counts_until + ${graceSql} as until
     from pgtrail.retention_rule r
     where r.ended_seq is not null and isfinite(r.counts_until) and r.counts_until + ${graceSql} > now()
       and not exists (select from pgtrail.retention_rule n
         where n.kind = r.kind and n.name = r.name and n.ended_seq is null and n.keep_days >= r.keep_days)
     order by r.kind desc, r.name, r.act_seq`,
  )
  return rows.map((row) => ({ ...row, until: writeTime(row.until) }))
}
