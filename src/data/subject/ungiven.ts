// Identifiers that the log itself knows of a subject, and that were not given: whoever erases without them loses the only way to what they lead to.
import type { ClientBase } from "pg"
import type { Identifier } from "./identifiers.js"

/** How many events that the subject did have an e-mail address, or a name, that was not given. */
export interface FoundUngiven {
  readonly kind: "email" | "name"
  readonly events: string
}

interface Own {
  readonly email: string | null
  readonly name: string | null
  readonly events: string
}

/** Of the plan of this transaction. Compared here, so that no identifier stands in a statement; nothing but numbers leaves. */
export async function readUngiven(
  client: ClientBase,
  given: readonly Identifier[],
): Promise<readonly FoundUngiven[]> {
  const { rows: partitions } = await client.query<{ name: string }>(
    "select distinct coalesce(p.partition_name, 'archive ' || p.archive) as name from pg_temp.pgtrail_plan p where p.as_actor order by 1",
  )
  const known = new Set(given.map(({ value }) => form(value)))
  const counts = { email: 0n, name: 0n }
  for (const { name: partition } of partitions) {
    await client.query("select pgtrail.subject_view($1)", [partition])
    const { rows } = await client.query<Own>(
      `select e.actor_email as email, e.actor_name as name, count(*) as events from pg_temp.pgtrail_found e
       where e.as_actor and (e.actor_email is not null or e.actor_name is not null) group by 1, 2`,
    )
    for (const row of rows) {
      for (const kind of kinds) {
        const value = row[kind]
        if (value !== null && !pseudonym.test(value) && !known.has(form(value)))
          counts[kind] += BigInt(row.events)
      }
    }
  }
  return kinds.filter((kind) => counts[kind] > 0n).map((kind) => ({ kind, events: String(counts[kind]) }))
}

const kinds = ["email", "name"] as const
const pseudonym = /^p1:[hte]:/
export const isPseudonym = (value: string): boolean => pseudonym.test(value)
const form = (text: string): string => text.normalize("NFC").toLowerCase()
