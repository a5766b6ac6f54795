// Who guesses passwords: authentication failures of one actor, or from one address, counted in every window of time that there is.
import type { ClientBase } from "pg"
import { writeTime } from "../query/columns.js"
import type { EventFilter } from "../query/criteria.js"
import { conditionText } from "../query/filter.js"
import type { Source } from "../query/source.js"
import { isAuthentication, isDenied, isFailed } from "./rules.js"

export interface BruteForce {
  readonly of: "actor" | "address"
  /** Null for an address: who attacks from there may try several organizations. */
  readonly organization_id: string | null
  readonly value: string
  /** Authentication failures in the whole period. */
  readonly failures: string
  /** The most within one window, and when the first window that had so many began and ended. */
  readonly peak: string
  readonly from: string
  readonly to: string
  /** Actors that were tried from the address, or addresses that tried the actor. */
  readonly others: string
  readonly organizations: string
}

export interface BruteForceOptions {
  /** More failures than this within a window are told. */
  readonly threshold: number
  readonly windowMs: number
}

/** Beyond this many, those with the highest peaks are told. */
const most = 1000

/**
 * Exact: each failure is counted with those of the window that ends with it, by a window function over the failures alone. Failures
 * before the period are not looked at.
 */
export async function bruteForce(
  client: ClientBase,
  source: Source,
  filter: EventFilter,
  { threshold, windowMs }: BruteForceOptions,
): Promise<BruteForce[]> {
  const { text, params } = conditionText(filter, filter, source, 3)
  const one = (of: BruteForce["of"]): string => {
    const isActor = of === "actor"
    const key = isActor ? "organization_id, actor_id" : "ip_address"
    return `(
      select '${of}' as of, ${isActor ? "p.organization_id" : "null"} as organization_id, ${isActor ? "p.actor_id" : "abbrev(p.ip_address)"} as value,
        count(*) as failures, max(p.inside) as peak,
        (array_agg(p.began order by p.inside desc, p.occurred_at))[1] as from, (array_agg(p.occurred_at order by p.inside desc, p.occurred_at))[1] as to,
        count(distinct ${isActor ? "p.ip_address" : "(p.organization_id, p.actor_id)"}) ${isActor ? "" : "filter (where p.actor_id is not null)"} as others,
        count(distinct p.organization_id) as organizations
      from (
        select f.*, count(*) over recent as inside, first_value(f.occurred_at) over recent as began
        from failure f where f.${isActor ? "actor_id" : "ip_address"} is not null
        window recent as (partition by ${key} order by f.occurred_at range between $1::interval preceding and current row)
      ) p
      group by ${isActor ? "p.organization_id, p.actor_id" : "p.ip_address"}
      having max(p.inside) > $2::bigint
    )`
  }
  const { rows } = await client.query<BruteForce>(
    `with failure as materialized (
       select organization_id, actor_id, ip_address, occurred_at from pgtrail.${source.events}
       where ${text} and (${isFailed} or ${isDenied}) and ${isAuthentication}
     )
     select * from (${one("actor")} union all ${one("address")}) found
     order by found.peak desc, found.of, found.organization_id, found.value limit ${most}`,
    [`${windowMs} milliseconds`, String(threshold), ...params],
  )
  return rows.map((row) => ({ ...row, from: writeTime(row.from), to: writeTime(row.to) }))
}
