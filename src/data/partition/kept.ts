// What the rules of retention still keep of a partition: whoever drops it must not overlook a policy or a floor.
import type { ClientBase } from "pg"

export interface KeptEvents {
  readonly organization_id: string
  readonly policy: string
  /** The floor that lengthens the policy. */
  readonly floor: string | null
  readonly keep_days: string
  /** Those whose time is not over, by this policy or floor, or by the grace. */
  readonly events: string
  /** Of these, those whose time is over, and which have not been in the log for the grace yet. */
  readonly fresh: string
}

/** Reads all events of the partition, by organization and policy. */
export async function keptEvents(client: ClientBase, name: string): Promise<KeptEvents[]> {
  const { rows } = await client.query<KeptEvents>(
    `select r.organization_id, r.policy, r.floor, r.keep_days, r.events - r.expired - r.held as events, r.fresh
     from pgtrail.retention_plan($1) r where r.events > r.expired + r.held order by 1, 2, 3, 4`,
    [name],
  )
  return rows
}
