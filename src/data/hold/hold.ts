// Legal holds as their rows and their acts have them. A row may name a person, an act never does.
import type { ClientBase } from "pg"
import { writeTime } from "../query/columns.js"
import { visible } from "../words.js"

export interface Hold {
  /** seq of the act that placed it: its number. */
  readonly act: string
  readonly case_id: string
  /** What it names; null: anything. */
  readonly organization_id: string | null
  readonly actor_id: string | null
  readonly resource_type: string | null
  readonly resource_id: string | null
  readonly correlation_id: string | null
  /** This type, and those that begin with it and a dot. */
  readonly event_type: string | null
  /** Events that occurred then or later. */
  readonly since: string | null
  /** Events that occurred before that. */
  readonly until: string | null
  /** From then on it holds nothing; null: until it is released. */
  readonly expires_at: string | null
  readonly state: "in force" | "expired" | "released"
  readonly placed_at: string | null
  readonly placed_by: string | null
  readonly reason: string | null
  readonly requested_by: string | null
  readonly released_act: string | null
  readonly released_at: string | null
  readonly released_by: string | null
  readonly release_reason: string | null
}

export interface HoldFilter {
  readonly case?: string | undefined
  /** Also those that were released or have expired. */
  readonly all?: boolean | undefined
}

/** In the order in which they were placed. */
export async function holds(client: ClientBase, filter: HoldFilter = {}): Promise<Hold[]> {
  const { rows } = await client.query<Record<keyof Hold, string | null>>(
    `select h.act_seq as act, h.case_id, h.organization_id, h.actor_id, h.resource_type, h.resource_id, h.correlation_id, h.event_type,
       h.since, h.until, h.expires_at,
       case when h.released_seq is not null then 'released' when h.expires_at <= now() then 'expired' else 'in force' end as state,
       p.recorded_at as placed_at, p.session_user_name as placed_by, p.parameters->>'reason' as reason,
       p.parameters->>'requested_by' as requested_by, h.released_seq as released_act, r.recorded_at as released_at,
       r.session_user_name as released_by, r.parameters->>'reason' as release_reason
     from pgtrail.hold h
     left join pgtrail.act p on p.organization_id = 'pgtrail' and p.seq = h.act_seq
     left join pgtrail.act r on r.organization_id = 'pgtrail' and r.seq = h.released_seq
     where ($1::text is null or h.case_id = $1)
       and ($2 or h.released_seq is null and (h.expires_at is null or h.expires_at > now()))
     order by h.act_seq`,
    [filter.case ?? null, filter.all ?? false],
  )
  return rows.map((row) => {
    const times = Object.fromEntries(timeColumns.map((column) => [column, writeTime(row[column])]))
    return { ...row, ...times } as Hold
  })
}

const timeColumns = ["since", "until", "expires_at", "placed_at", "released_at"] as const

/** What a hold names, in a line for people. */
export function namesOf(hold: Hold): string {
  const resource =
    hold.resource_type !== null && hold.resource_id !== null
      ? `${hold.resource_type}/${hold.resource_id}`
      : hold.resource_type
  const named = [
    ["organization", hold.organization_id],
    ["actor", hold.actor_id],
    ["resource", resource],
    ["correlation", hold.correlation_id],
    ["type", hold.event_type],
    ["from", hold.since],
    ["up to", hold.until],
  ] as const
  return named.flatMap(([what, name]) => (name === null ? [] : [`${what} ${visible(name)}`])).join(", ")
}
