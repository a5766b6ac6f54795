// The roles that a profile is installed for.
import type { ClientBase } from "pg"
import { noSuchRole } from "../access/facts.js"
import { TrailError } from "../errors.js"

/** By their names, as the server quotes them. Throws `not-found`, `usage` for public. */
export async function quotedRoles(
  client: ClientBase,
  roles: readonly string[],
): Promise<Map<string, string>> {
  const { rows } = await client.query<{ role: string; quoted: string }>(
    "select rolname as role, quote_ident(rolname) as quoted from pg_roles where rolname = any ($1)",
    [roles],
  )
  const quoted = new Map(rows.map((row) => [row.role, row.quoted]))
  const missing = roles.find((role) => !quoted.has(role))
  if (missing === "public") {
    throw new TrailError("usage", "public is everybody, and no role", {
      hint: "nothing was changed; name the roles that the application and its readers log in as",
    })
  }
  if (missing !== undefined) throw await noSuchRole(client, missing)
  return quoted
}

/** A view with the events of all organizations is none for who is bound to one. */
export async function refuseBound(client: ClientBase, roles: readonly string[]): Promise<void> {
  const { rows } = await client.query<{ role: string }>(
    `select r.rolname as role from pg_roles r join pg_roles g on g.rolname = 'pgtrail_organization_reader'
     where r.rolname = any ($1) and not r.rolsuper and pg_has_role(r.oid, g.oid, 'MEMBER') limit 1`,
    [roles],
  )
  if (rows[0] === undefined) return
  throw new TrailError(
    "privilege",
    `${rows[0].role} reads the events of one organization, and this view has those of all`,
    { hint: "nothing was changed; pgtrail.organization_event has what this role may read" },
  )
}
