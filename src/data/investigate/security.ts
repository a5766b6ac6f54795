// What a security officer looks at: what failed, was denied, is critical or of security; by whom, from where, on what; and who guesses passwords.
import type { Client } from "pg"
import type { ConnectionTarget } from "../connection.js"
import { withTransaction } from "../connection.js"
import { writeTime } from "../query/columns.js"
import type { EventFilter } from "../query/criteria.js"
import { conditionText } from "../query/filter.js"
import type { Source } from "../query/source.js"
import { type Question, withWalk } from "../query/walk.js"
import { type BruteForce, type BruteForceOptions, bruteForce } from "./brute-force.js"
import { isCritical, isDenied, isFailed, isSecurity } from "./rules.js"

export interface SecurityOptions
  extends Pick<Question, "since" | "until" | "organization" | "signal">,
    Partial<BruteForceOptions> {
  /** At most so many of each list, or Infinity; 10 where it is not said. */
  readonly top?: number | undefined
}

/** An event may be several of these. */
interface Kinds {
  readonly events: string
  readonly failed: string
  readonly denied: string
  readonly critical: string
  /** Of category security. */
  readonly security: string
}

const lists = ["actors", "addresses", "types", "resources"] as const
type List = (typeof lists)[number]

export interface SecurityGroup extends Kinds {
  /** Null for an address and a type, which are counted over organizations. */
  readonly organization_id: string | null
  /** An actor's id, an address, a type, or a resource as TYPE/ID. */
  readonly value: string
  readonly last_event: string
}

export interface Security extends Kinds, Readonly<Record<List, readonly SecurityGroup[]>> {
  /** How many there are of each, told or not: the affected users and resources among them. */
  readonly affected: Readonly<Record<List, string>>
  readonly brute_force: readonly BruteForce[]
  readonly threshold: number
  readonly window_ms: number
}

const usual = { top: 10, threshold: 10, windowMs: 3_600_000 }

/** All of it on one snapshot. Counts, and so opens the partitions of the period. */
export async function security(target: ConnectionTarget, options: SecurityOptions = {}): Promise<Security> {
  const { top = usual.top, threshold = usual.threshold, windowMs = usual.windowMs, ...asked } = options
  return withWalk(target, asked, {}, ({ client, source, filter }) =>
    withTransaction(client, "begin isolation level repeatable read read only", async () => {
      const rows = await groups(client, source, filter, top)
      const whole = rows.find(({ list }) => list === "all")
      const told = (list: List): SecurityGroup[] =>
        rows
          .filter((row) => row.list === list)
          .slice(0, top)
          .map(({ list: _, of: __, ...row }) => ({ ...row, last_event: writeTime(row.last_event) }))
      const count = (list: List): string => rows.find((row) => row.list === list)?.of ?? "0"
      const none = { events: "0", failed: "0", denied: "0", critical: "0", security: "0" }
      const { events, failed, denied, critical, security: ofSecurity } = whole ?? none
      const each = <T>(make: (list: List) => T): Record<List, T> => {
        return {
          actors: make("actors"),
          addresses: make("addresses"),
          types: make("types"),
          resources: make("resources"),
        }
      }
      return {
        ...{ events, failed, denied, critical, security: ofSecurity },
        affected: each(count),
        ...each(told),
        brute_force: await bruteForce(client, source, filter, { threshold, windowMs }),
        threshold,
        window_ms: windowMs,
      }
    }),
  )
}

interface Raw extends SecurityGroup {
  readonly list: string
  /** How many groups its list has. */
  readonly of: string
}

async function groups(client: Client, source: Source, filter: EventFilter, top: number): Promise<Raw[]> {
  const { text, params } = conditionText(filter, filter, source, 2)
  const { rows } = await client.query<Raw>(
    `with event as (
       select organization_id, actor_id as actor, abbrev(ip_address) as address, event_type as type,
         resource_type || coalesce('/' || resource_id, '') as resource, occurred_at,
         ${isFailed} as failed, ${isDenied} as denied, ${isCritical} as critical, ${isSecurity} as security
       from pgtrail.${source.events}
       where ${text} and (${isFailed} or ${isDenied} or ${isCritical} or ${isSecurity})
     ), grouped as (
       select case when grouping(e.actor) = 0 then 'actors' when grouping(e.address) = 0 then 'addresses'
           when grouping(e.type) = 0 then 'types' when grouping(e.resource) = 0 then 'resources' else 'all' end as list,
         e.organization_id, coalesce(e.actor, e.address, e.type, e.resource) as value, count(*) as events,
         count(*) filter (where e.failed) as failed, count(*) filter (where e.denied) as denied,
         count(*) filter (where e.critical) as critical, count(*) filter (where e.security) as security,
         max(e.occurred_at) as last_event
       from event e
       group by grouping sets ((e.organization_id, e.actor), (e.address), (e.type), (e.organization_id, e.resource), ())
     )
     select r.list, r.organization_id, r.value, r.events, r.failed, r.denied, r.critical, r.security, r.last_event, r.of
     from (
       select g.*, count(*) over (partition by g.list) as of,
         row_number() over (partition by g.list order by g.events desc, g.last_event desc, g.organization_id, g.value) as place
       from grouped g where g.list = 'all' or g.value is not null
     ) r
     where r.list = 'all' or $1::bigint is null or r.place <= greatest($1::bigint, 1)
     order by r.list, r.place`,
    [Number.isFinite(top) ? String(top) : null, ...params],
  )
  return rows
}

/** Whether the report names anything at all. */
export const isQuiet = ({ events, brute_force: found }: Security): boolean =>
  events === "0" && found.length === 0
