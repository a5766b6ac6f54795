// Whether the log has an organization of a name, and which one was meant where it has none.
import type { ClientBase } from "pg"
import { near } from "./near.js"

export interface OrganizationKnown {
  /** Null where no name is given, or this role may not know. */
  readonly organization_known: boolean | null
  /** One with nearly that name, where there is none. */
  readonly near: string | null
}

/** A name that the log does not have may be a slip. */
export async function organizationKnown(client: ClientBase, name: string | null): Promise<OrganizationKnown> {
  const { rows: able } = await client.query<{ able: string }>(
    "select has_table_privilege('pgtrail.chain_head', 'select') as able",
  )
  if (name === null || able[0]?.able !== "t") return { organization_known: null, near: null }
  const { rows: found } = await client.query<{ is: string }>(
    "select exists (select from pgtrail.chain_head h where h.organization_id = $1) as is",
    [name],
  )
  if (found[0]?.is === "t") return { organization_known: true, near: null }
  return { organization_known: false, near: await nearOrganization(client, name) }
}

/** What was meant by a name that the log has not; null where nothing is like it. */
export async function nearOrganization(client: ClientBase, name: string): Promise<string | null> {
  const { rows } = await client.query<{ name: string }>(
    `with recursive known as (
       (select h.organization_id as name from pgtrail.chain_head h order by h.organization_id limit 1)
       union all
       select n.name from known k, lateral (select h.organization_id as name from pgtrail.chain_head h
         where h.organization_id > k.name order by h.organization_id limit 1) n
     )
     select name from known limit 10000`,
  )
  const [meant = null] = near(
    name,
    rows.map((row) => row.name),
  )
  return meant
}
