// What a profile that is removed leaves in force beside its events and tables, each with the command that ends it.
import type { ClientBase } from "pg"
import { shellWord } from "../shell-word.js"
import type { ProfileAct } from "./acts.js"
import type { Ground } from "./place.js"
import { ident } from "./quote.js"
import type { Profile } from "./shape.js"

/** A line each. Before anything is dropped. `others` are the newest acts of all profiles. */
export async function leftBehind(
  client: ClientBase,
  profile: Profile,
  { organization, schema, writers, readers }: ProfileAct,
  ground: Ground,
  others: readonly ProfileAct[],
): Promise<string[]> {
  const policies = await policiesOf(client, profile, organization, ground)
  const installed = others.filter(
    (act) => act.action === "install" && !(act.profile === profile.name && act.schema === schema),
  )
  return [
    ...policies.map(
      (name) =>
        `the policy ${JSON.stringify(name)} stays in force: pgtrail retention policy remove ${shellWord(name)}`,
    ),
    ...(await rolesLeft(client, [...writers, ...readers], schema, ground, installed)),
  ]
}

/** What roles that a profile is for no more keep beside it. `installed` are the acts of those that are for them still, or for others. */
export async function rolesLeft(
  client: ClientBase,
  roles: readonly string[],
  schema: string,
  ground: Ground,
  installed: readonly ProfileAct[],
): Promise<string[]> {
  const isFree = (role: string, acts: readonly ProfileAct[]) =>
    !acts.some((act) => [...act.writers, ...act.readers].includes(role))
  const { rows } = await client.query<{ role: string; name: string; has_zone: string; uses: string }>(
    `select r.rolname as role, quote_ident(r.rolname) as name,
       exists (select from pg_db_role_setting g join pg_database d on d.oid = g.setdatabase and d.datname = current_database(), unnest(g.setconfig) c
         where g.setrole = r.oid and lower(c) = 'timezone=utc') as has_zone,
       exists (select from pg_namespace n, aclexplode(n.nspacl) a where n.nspname = $2 and a.grantee = r.oid and a.privilege_type = 'USAGE' and n.nspowner <> r.oid) as uses
     from pg_roles r where r.rolname = any ($1) order by 1`,
    [roles, schema],
  )
  return rows.flatMap(({ role, name, has_zone: hasZone, uses }) => [
    ...(hasZone === "t" && isFree(role, installed)
      ? [
          `${role} keeps UTC in this database: alter role ${name} in database ${ground.database} reset timezone`,
        ]
      : []),
    ...(uses === "t" &&
    isFree(
      role,
      installed.filter((act) => act.schema === schema),
    )
      ? [`${role} may still use the schema: revoke usage on schema ${ground.schema} from ${name}`]
      : []),
  ])
}

/** In force, and set by a row of this profile's; not the one that pgtrail brings itself. */
async function policiesOf(
  client: ClientBase,
  profile: Profile,
  organization: string,
  { owner, schema }: Ground,
): Promise<string[]> {
  const entries = `${schema}.${ident("pgtrail_audit_retention_policy")}`
  const mine: Readonly<Record<string, string>> = {
    "ai-firewall": "p.name in ('ai-firewall ' || $1::text, 'ai-firewall ' || md5($1::text))",
    "audit-db": `$1::text is not null and p.name in (select n.policy_name from ${entries} n)`,
  }
  const condition = mine[profile.name]
  if (condition === undefined) return []
  if (owner !== undefined) await client.query(`set local role ${owner}`)
  const there = await client.query<{ is: string }>(
    "select exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace where quote_ident(n.nspname) = $1 and c.relname = 'pgtrail_audit_retention_policy') as is",
    [schema],
  )
  const { rows } =
    profile.name === "audit-db" && there.rows[0]?.is !== "t"
      ? { rows: [] }
      : await client.query<{ name: string }>(
          `select p.name from pgtrail.retention_rule p
           where p.kind = 'policy' and p.ended_seq is null and p.name <> 'standard' and ${condition} order by 1`,
          [organization],
        )
  if (owner !== undefined) await client.query("reset role")
  return rows.map(({ name }) => name)
}
