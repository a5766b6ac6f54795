// Archives that may have events of a hold: what they say stands in files, so only organization, type and time can be compared, and whoever
// or whatever a hold names counts as being among them. The same archives are those that remove_archive leaves alone.
import type { ClientBase } from "pg"

export interface HeldArchives {
  readonly archives: string
  readonly names: readonly string[]
}

/** `acts`: of the holds. `free`: only those that no hold in force keeps. Null in a log that knows no archives yet. */
export async function archivesHeld(
  client: ClientBase,
  acts: readonly string[],
  { free = false }: { readonly free?: boolean } = {},
): Promise<HeldArchives | null> {
  const table = await client.query<{ known: string }>(
    "select to_regclass('pgtrail.archive_kind') is not null as known",
  )
  if (table.rows[0]?.known !== "t") return null
  const { rows } = await client.query<{ name: string }>(
    `select a.name from pgtrail.archive a
     where a.removed_seq is null and exists (select from pgtrail.hold h where h.act_seq = any ($1::bigint[]) and ${fits})
       and not ($2 and exists (select from pgtrail.hold h
         where h.released_seq is null and (h.expires_at is null or h.expires_at > now()) and ${fits}))
     order by a.act_seq`,
    [acts, free],
  )
  return { archives: String(rows.length), names: rows.map(({ name }) => name) }
}

/** As in remove_archive. */
const fits = `exists (select from pgtrail.archive_kind k where k.act_seq = a.act_seq
    and (h.organization_id is null or h.organization_id = k.organization_id)
    and (h.event_type is null or k.event_type = h.event_type or starts_with(k.event_type, h.event_type || '.'))
    and (h.since is null or k.newest_occurred_at >= h.since) and (h.until is null or k.oldest_occurred_at < h.until))`
