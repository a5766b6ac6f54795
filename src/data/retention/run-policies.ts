// By which policies events went, as the acts of a run have them.
import type { ClientBase } from "pg"
import type { PolicyCutoff } from "./run-options.js"

interface Gone {
  readonly policy: string
  /** seq of the act that set it; 0: it is built in. */
  readonly rule: number
  readonly floor: string | null
  readonly keep: number
  readonly cutoff: string
  readonly events: number
}

const readGone = (json: string | null): Gone[] => (json === null ? [] : JSON.parse(json))

/** `policies` of an act, or of a dry run. */
export function policiesOf(json: string | null): PolicyCutoff[] {
  return readGone(json).map(({ policy, floor, keep, cutoff, events }) => ({
    policy,
    floor,
    keep_days: String(keep),
    cutoff,
    events: String(events),
  }))
}

/** How many of the events that went by these `policies` were due for an archive; all, where to archive their partition had failed. */
export async function unarchivedOf(
  client: ClientBase,
  partition: string,
  policies: string | null,
): Promise<string> {
  const gone = readGone(policies)
  if (gone.length === 0) return "0"
  const { rows } = await client.query<{ rule: string; failed: string }>(
    `select f.failed, r.act_seq as rule
     from (select exists (select from pgtrail.archive_failure a where a.partition_name = $1) as failed) f
     left join pgtrail.retention_rule r on r.act_seq = any ($2::bigint[]) and r.archive_after_days is not null`,
    [partition, gone.map(({ rule }) => rule)],
  )
  const due = gone.filter(
    ({ rule }) => rows[0]?.failed === "t" || rows.some((row) => row.rule === String(rule)),
  )
  return String(due.reduce((sum, { events }) => sum + BigInt(events), 0n))
}

/** Each policy once, with the latest of its cutoffs. */
export function summed(all: readonly PolicyCutoff[]): PolicyCutoff[] {
  const sums = new Map<string, PolicyCutoff>()
  for (const one of all) {
    const key = JSON.stringify([one.policy, one.floor, one.keep_days])
    const known = sums.get(key)
    if (known === undefined) {
      sums.set(key, one)
      continue
    }
    const cutoff = known.cutoff < one.cutoff ? one.cutoff : known.cutoff
    sums.set(key, { ...one, cutoff, events: String(BigInt(known.events) + BigInt(one.events)) })
  }
  return [...sums.values()].sort((a, b) => (place(a) < place(b) ? -1 : 1))
}

const place = ({ policy, floor, keep_days }: PolicyCutoff): string =>
  [policy, keep_days.padStart(6, "0"), floor ?? ""].join("\0")
