// Organizations that nobody has written events for: a slip of the keyboard, or one that is yet to come.
import type { ClientBase } from "pg"
import { near } from "../near.js"

export interface UnknownOrganization {
  readonly name: string
  /** What to say of it; may name another. */
  readonly warning: string
}

export async function unknownOrganizations(
  client: ClientBase,
  organizations: readonly string[],
): Promise<UnknownOrganization[]> {
  if (organizations.length === 0) return []
  const { rows } = await client.query<{ name: string }>(
    `select o.name from unnest($1::text[]) with ordinality o (name, place)
     where not exists (select from pgtrail.chain_head h where h.organization_id = o.name) order by o.place`,
    [[...organizations]],
  )
  if (rows.length === 0) return []
  const known = await knownOrganizations(client)
  return rows.map(({ name }) => {
    const [meant] = near(name, known)
    const maybe = meant === undefined ? "" : `: did you mean ${JSON.stringify(meant)}?`
    return { name, warning: `the organization ${JSON.stringify(name)} has no events yet${maybe}` }
  })
}

/** The first ten thousand, each found by one step in the key of the heads. */
async function knownOrganizations(client: ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `with recursive o (name) as (
       (select h.organization_id from pgtrail.chain_head h order by h.organization_id limit 1)
       union all
       select (select h.organization_id from pgtrail.chain_head h where h.organization_id > o.name order by h.organization_id limit 1)
       from o where o.name is not null
     )
     select o.name from o where o.name is not null limit 10000`,
  )
  return rows.map((row) => row.name)
}
