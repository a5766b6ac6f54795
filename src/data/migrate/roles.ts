// The roles of pgtrail are the server's, not the database's: which of them nothing else uses, and their going.
import type { ClientBase } from "pg"
import { TrailError } from "../errors.js"
import { toTrailError } from "../server-errors.js"

/** The owner last: the others' grants may be his. */
export const roleNames = [
  "pgtrail_writer",
  "pgtrail_reader",
  "pgtrail_organization_reader",
  "pgtrail_auditor",
  "pgtrail_operator",
  "pgtrail_privacy",
  "pgtrail_owner",
] as const

export interface UninstalledRole {
  readonly name: string
  readonly state: "dropped" | "kept"
  /** Why it is kept. */
  readonly reason: string | null
  /** What a superuser would run to drop it; null where it is dropped, or in use. */
  readonly sql: string | null
}

/** What would become of each role: from what the server knows of its uses, without trying. */
export async function rolesLeft(client: ClientBase): Promise<UninstalledRole[]> {
  const roles: UninstalledRole[] = []
  for (const name of await existing(client)) {
    const used = await usedBy(client, name)
    if (used !== undefined) roles.push(kept(name, used))
    else if (await mayDrop(client, name)) roles.push({ name, state: "dropped", reason: null, sql: null })
    else roles.push(mayNot(name, await dropSql(client, name)))
  }
  return roles
}

/** In the transaction that dropped the schema, as the connected role. Each role goes whole, its memberships with it, or stays. */
export async function dropRoles(client: ClientBase): Promise<UninstalledRole[]> {
  const roles: UninstalledRole[] = []
  for (const name of await existing(client)) {
    const used = await usedBy(client, name)
    if (used !== undefined) {
      // What roles.sql gave the owner on this database; he keeps what anybody else gave.
      if (name === "pgtrail_owner")
        await attempt(client, await databaseSql(client, "revoke temporary on", name))
      roles.push(kept(name, used))
      continue
    }
    const sql = await dropSql(client, name)
    const error = await attempt(client, sql)
    if (error === undefined) roles.push({ name, state: "dropped", reason: null, sql: null })
    else if (error.sqlstate === "42501") roles.push(mayNot(name, sql))
    else if (error.sqlstate === "2BP01")
      roles.push(kept(name, "the server says that something depends on it"))
    else throw error
  }
  return roles
}

/** In a savepoint: the error, where it fails. */
async function attempt(client: ClientBase, sql: string): Promise<TrailError | undefined> {
  await client.query("savepoint attempt")
  try {
    await client.query(sql)
    return undefined
  } catch (cause) {
    await client.query("rollback to savepoint attempt")
    const error = toTrailError(cause)
    if (error instanceof TrailError) return error
    throw cause
  } finally {
    await client.query("release savepoint attempt")
  }
}

async function existing(client: ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ rolname: string }>(
    "select rolname from pg_roles where rolname = any ($1::name[]) order by array_position($1::name[], rolname)",
    [roleNames],
  )
  return rows.map((row) => row.rolname)
}

/** Who else uses a role, apart from the schema pgtrail of this database and rights on the database itself. */
async function usedBy(client: ClientBase, name: string): Promise<string | undefined> {
  const { rows } = await client.query<{
    databases: string | null
    others: string
    here: string
    shared: string
  }>(
    `select array_to_string((array_agg(distinct quote_ident(b.datname)) filter (where d.dbid <> m.oid))[1:3], ', ') as databases,
       count(distinct b.oid) filter (where d.dbid <> m.oid) as others,
       count(*) filter (where d.dbid = m.oid) as here, count(*) filter (where d.dbid = 0) as shared
     from pg_shdepend d
     cross join (select oid from pg_database where datname = current_database()) m
     left join pg_database b on b.oid = d.dbid
     where d.refclassid = 'pg_authid'::regclass and d.refobjid = (select oid from pg_roles where rolname = $1)
       and not (d.classid = 'pg_database'::regclass and d.objid = m.oid and d.deptype = 'a')
       -- A grant of a membership goes with the roles that it joins.
       and d.classid <> 'pg_auth_members'::regclass
       and not (d.dbid = m.oid and (
         d.classid = 'pg_namespace'::regclass and d.objid in (select oid from pg_namespace where nspname = 'pgtrail')
         or d.classid = 'pg_class'::regclass and d.objid in (select oid from pg_class where relnamespace in (select oid from pg_namespace where nspname = 'pgtrail'))
         or d.classid = 'pg_proc'::regclass and d.objid in (select oid from pg_proc where pronamespace in (select oid from pg_namespace where nspname = 'pgtrail'))
         or d.classid = 'pg_type'::regclass and d.objid in (select oid from pg_type where typnamespace in (select oid from pg_namespace where nspname = 'pgtrail'))
         or d.classid = 'pg_default_acl'::regclass and d.objid in (select oid from pg_default_acl where defaclnamespace in (select oid from pg_namespace where nspname = 'pgtrail'))))`,
    [name],
  )
  const { databases = null, others = "0", here = "0", shared = "0" } = rows[0] ?? {}
  if (others === "1") return `database ${databases} uses it`
  if (others !== "0") return `${others} databases use it: ${databases}${Number(others) > 3 ? " ..." : ""}`
  if (here !== "0") return "objects of this database outside of pgtrail use it"
  return shared === "0" ? undefined : "objects of the whole server use it"
}

async function mayDrop(client: ClientBase, name: string): Promise<boolean> {
  const { rows } = await client.query<{ may: string }>(
    `select u.rolsuper or u.rolcreaterole and (current_setting('server_version_num')::int < 160000 or exists (
         select from pg_auth_members m where m.member = u.oid and m.roleid = r.oid and m.admin_option)) as may
     from pg_roles u, pg_roles r where u.rolname = current_user and r.rolname = $1`,
    [name],
  )
  return rows[0]?.may === "t"
}

const kept = (name: string, reason: string): UninstalledRole => ({ name, state: "kept", reason, sql: null })

/** A right on the database itself keeps a role from going. */
const dropSql = async (client: ClientBase, name: string): Promise<string> =>
  `${await databaseSql(client, "revoke all on", name)}drop role ${name};`

/** Empty where the role has no right on the database itself. */
async function databaseSql(client: ClientBase, what: string, name: string): Promise<string> {
  const { rows } = await client.query<{ sql: string }>(
    `select format('%s database %I from %I; ', $1::text, b.datname, r.rolname) as sql
     from pg_database b, aclexplode(b.datacl) a join pg_roles r on r.oid = a.grantee
     where b.datname = current_database() and r.rolname = $2 limit 1`,
    [what, name],
  )
  return rows[0]?.sql ?? ""
}

const mayNot = (name: string, sql: string): UninstalledRole => ({
  name,
  state: "kept",
  reason: "this role may not drop it",
  sql,
})
