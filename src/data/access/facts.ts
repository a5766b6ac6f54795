// What the server says of a role and of whoever asks, before anything is granted or revoked.
import type { ClientBase } from "pg"
import { TrailError } from "../errors.js"
import { notInstalled } from "../migrate/state.js"
import { near } from "../near.js"
import type { Right } from "./rights.js"

export interface Facts {
  /** PostgreSQL 16 or later: a membership says whether it is inherited, and who granted it. */
  readonly is16: boolean
  /** Whether whoever asks may record it as he is. Else he becomes the owner for that. */
  readonly records: boolean
  /** Undefined where there is no such role (any more). */
  readonly role: { readonly isSuperuser: boolean; readonly inherits: boolean } | undefined
  /** Who granted it the two group roles itself, not through another. */
  readonly whole: Membership
  readonly bound: Membership
}

interface Membership {
  readonly grantors: readonly string[]
  /** Whether it has the rights of the group without SET ROLE. */
  readonly isUsed: boolean
}

const membership = (name: string) => `
  json_build_object(
    'grantors', coalesce((
      select json_agg(coalesce(w.rolname, '') order by w.rolname)
      from pg_auth_members m
      join pg_roles g on g.oid = m.roleid and g.rolname = ${name}
      left join pg_roles w on w.oid = m.grantor
      where m.member = r.oid), '[]'),
    'isUsed', r.oid is not null and exists (
      select from pg_roles g where g.rolname = ${name} and pg_has_role(r.oid, g.oid, 'USAGE')))`

/** Throws where the log has no roles, or whoever asks is not its owner. Reads catalogs alone: he may have to become the owner first. */
export async function readFacts(client: ClientBase, role: string, right: Right): Promise<Facts> {
  const { rows } = await client.query<Record<string, string | null>>(
    `select current_setting('server_version_num')::int >= 160000 as is_16, o.rolname as owner, current_user as asker, p.oid as function,
       has_schema_privilege(n.oid, 'usage') and has_function_privilege(p.oid, 'execute') as records,
       pg_has_role(n.nspowner, case when current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end) as becomes,
       r.rolname as role, r.rolsuper, r.rolinherit, ${membership("$2")} as whole, ${membership("'pgtrail_organization_reader'")} as bound
     from pg_namespace n
     join pg_roles o on o.oid = n.nspowner
     left join pg_proc p on p.pronamespace = n.oid and p.proname = 'record_access'
     left join pg_roles r on r.rolname = $1
     where n.nspname = 'pgtrail'`,
    [role, `pgtrail_${right}`],
  )
  const [found] = rows
  if (found === undefined) throw notInstalled()
  const owner = JSON.stringify(found.owner ?? "")
  if (found.owner !== "pgtrail_owner") {
    throw new TrailError("config", "this log has no roles: it was installed with --no-roles", {
      hint: `nothing was changed; everything belongs to ${owner}: connect as that role`,
    })
  }
  if (found.function === null) {
    throw new TrailError("pending-migration", "this log is of an earlier version, which records no grants", {
      hint: "nothing was changed; pgtrail migrate up",
    })
  }
  if (found.records !== "t" && found.becomes !== "t") {
    throw new TrailError(
      "privilege",
      `${JSON.stringify(found.asker)} may not record a grant: that is for the owner of the log`,
      {
        hint: `nothing was changed; connect as the role that installed the log, or ask a superuser to run: ${grantOwner(found)}`,
      },
    )
  }
  return {
    is16: found.is_16 === "t",
    records: found.records === "t",
    role:
      found.role == null
        ? undefined
        : { isSuperuser: found.rolsuper === "t", inherits: found.rolinherit === "t" },
    whole: JSON.parse(found.whole ?? "{}") as Membership,
    bound: JSON.parse(found.bound ?? "{}") as Membership,
  }
}

const grantOwner = ({ owner, asker }: Record<string, string | null>): string =>
  `grant ${quoted(owner ?? "")} to ${quoted(asker ?? "")}`

/** For people alone: what is run is quoted by the server. */
export const quoted = (name: string): string =>
  /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`

export async function noSuchRole(client: ClientBase, role: string): Promise<TrailError> {
  const { rows } = await client.query<{ name: string }>(
    "select rolname as name from pg_roles where rolname !~ '^(pg_|pgtrail_(owner|writer|reader|organization_reader|auditor|operator|privacy)$)' order by 1 limit 10000",
  )
  const [meant] = near(
    role,
    rows.map((row) => row.name),
  )
  const create = `create role ${quoted(role)} login`
  return new TrailError("not-found", `there is no role ${JSON.stringify(role)}`, {
    hint: `nothing was changed; ${meant === undefined ? create : `did you mean ${JSON.stringify(meant)}? else: ${create}`}`,
  })
}
