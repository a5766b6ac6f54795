// The partitions that may have events whose time is over, told from their bounds alone.
import type { ClientBase } from "pg"

export interface Candidate {
  readonly name: string
  readonly attached: boolean
  readonly isDefault: boolean
}

/**
 * Oldest first, those that were detached among them, DEFAULT last. Not those that begin after the latest time at which anything can have
 * occurred that the shortest policy lets go `withinDays` from now; `archives`: nor lets be archived now. Asks the catalog
 * alone: it waits for nobody.
 */
export async function candidates(
  client: ClientBase,
  organization: string | undefined,
  { withinDays = 0, archives = false }: { withinDays?: number; archives?: boolean } = {},
): Promise<Candidate[]> {
  const { rows } = await client.query<Record<string, string>>(
    `select p.name, p.attached, p.is_default from pgtrail.partitions() p
     where p.since < (
       select greatest(now() + $2::int * interval '24 hours' - min(r.keep_days) * interval '24 hours',
         case when $3 then now() - min(r.archive_after_days) * interval '24 hours' end)
       from pgtrail.retention_rule r
       where r.kind = 'policy' and r.counts_until > now() and ($1::text is null or r.organization_id is null or r.organization_id = $1))
     order by p.is_default, p.since, p.name`,
    [organization ?? null, withinDays, archives],
  )
  return rows.map(({ name = "", attached, is_default }) => ({
    name,
    attached: attached === "t",
    isDefault: is_default === "t",
  }))
}
