// Who may do what on a log: every role that has a right on it, how it came by it, and what was granted by hand.
import type { ClientBase } from "pg"

export interface Grant {
  readonly role: string
  /** owner, writer, reader, auditor, operator or privacy; of what was granted by hand the privilege and its object. */
  readonly right: string
  /** Null: all. Empty: bound to none, so that it reads nothing. Undefined where the role that asks may not read the bindings. */
  readonly organizations: readonly string[] | null | undefined
  /** `direct`, or the roles between, nearest first. */
  readonly via: string
  readonly login: boolean
  /** May grant the right to others. */
  readonly admin: boolean
  /** Must SET ROLE to use the right. */
  readonly by_set_role: boolean
  readonly superuser: boolean
  /** What is odd about it; null where nothing is. */
  readonly odd: string | null
}

export interface Grants {
  readonly grants: readonly Grant[]
  /** They may do everything on every log of the server. */
  readonly superusers: readonly string[]
  /** False: the log was installed with --no-roles, and belongs to one role. */
  readonly roles: boolean
}

/** From each group role down to its members. A role is told once for each way that leads to it. */
const members = `
with recursive of_group (name, oid) as (
  select g.rolname, g.oid from pg_roles g
  where g.rolname in ('pgtrail_owner', 'pgtrail_writer', 'pgtrail_reader', 'pgtrail_organization_reader', 'pgtrail_auditor',
    'pgtrail_operator', 'pgtrail_privacy', 'pg_read_all_data', 'pg_write_all_data')
), way (of, member, via, admin, used) as (
  select g.name, m.member, array[]::text[] collate "C", m.admin_option,
    case when current_setting('server_version_num')::int >= 160000 then (to_jsonb(m) ->> 'inherit_option')::boolean else r.rolinherit end
  from of_group g
  join pg_auth_members m on m.roleid = g.oid
  join pg_roles r on r.oid = m.member
  union
  select w.of, m.member, array[a.rolname::text collate "C"] || w.via, m.admin_option,
    w.used and case when current_setting('server_version_num')::int >= 160000
      then (to_jsonb(m) ->> 'inherit_option')::boolean else r.rolinherit end
  from way w
  join pg_auth_members m on m.roleid = w.member
  join pg_roles r on r.oid = m.member
  join pg_roles a on a.oid = w.member
  where not a.rolname = any (w.via) and cardinality(w.via) < 20
)
select r.oid, r.rolname as role, w.of as "group", to_json(w.via) as via, r.rolcanlogin as login, bool_or(w.admin) as admin, not bool_or(w.used) as by_set_role,
  r.rolsuper as superuser
from way w
join pg_roles r on r.oid = w.member
-- A group role that is a member of another one leads on; it is nobody who works.
group by r.oid, r.rolname, w.of, w.via, r.rolcanlogin, r.rolsuper
order by starts_with(w.of::text, 'pg_'), w.of, r.rolname collate "C", cardinality(w.via), w.via`

/** What the migrations do not grant: on tables, columns, functions and the schema, to whom that is no group role nor the owner. */
const byHand = `
select coalesce(r.rolname, 'public') as role, x.privilege || ' on ' || x.object as "right", coalesce(r.rolcanlogin, false) as login,
  coalesce(r.rolsuper, false) as superuser, bool_or(x.admin) as admin
from (
  select a.grantee, a.privilege_type as privilege, 'schema pgtrail' as object, a.is_grantable as admin, n.nspowner as owner
  from pg_namespace n, aclexplode(n.nspacl) a where n.nspname = 'pgtrail'
  union all
  select a.grantee, a.privilege_type, 'pgtrail.' || c.relname, a.is_grantable, c.relowner
  from pg_class c, aclexplode(c.relacl) a where c.relnamespace = 'pgtrail'::regnamespace
  union all
  select a.grantee, a.privilege_type, format('pgtrail.%s (%s)', c.relname, t.attname), a.is_grantable, c.relowner
  from pg_class c join pg_attribute t on t.attrelid = c.oid, aclexplode(t.attacl) a where c.relnamespace = 'pgtrail'::regnamespace
  union all
  select a.grantee, a.privilege_type, 'pgtrail.' || p.proname || '()', a.is_grantable, p.proowner
  from pg_proc p, aclexplode(p.proacl) a where p.pronamespace = 'pgtrail'::regnamespace
) x
left join pg_roles r on r.oid = x.grantee
where x.grantee <> x.owner and (r.rolname is null or r.rolname not in ('pgtrail_owner', 'pgtrail_writer', 'pgtrail_reader',
  'pgtrail_organization_reader', 'pgtrail_auditor', 'pgtrail_operator', 'pgtrail_privacy'))
group by 1, 2, 3, 4
order by 1, 2`

const bindings = `
select b.role_name, b.organization_id, r.oid, exists (
  select from pg_auth_members m join pg_roles g on g.oid = m.roleid
  where m.member = r.oid and g.rolname = 'pgtrail_organization_reader') as is_member
from pgtrail.organization_reader b left join pg_roles r on r.rolname = b.role_name order by 1, 2`

type Raw = Record<string, string | null>

/** Needs no right but to connect, and to see that there is a log; organizations are told to whoever may read the bindings. */
export async function grants(client: ClientBase): Promise<Grants> {
  const { rows: log } = await client.query<Raw>(
    `select o.rolname as owner, o.rolcanlogin as login, o.rolsuper as superuser, o.rolname = 'pgtrail_owner' as roles,
       coalesce(has_table_privilege(to_regclass('pgtrail.organization_reader'), 'select'), false) as binds,
       (select json_agg(s.rolname order by s.rolname) from pg_roles s where s.rolsuper) as superusers
     from pg_namespace n join pg_roles o on o.oid = n.nspowner where n.nspname = 'pgtrail'`,
  )
  const found = log[0] ?? {}
  const hasRoles = found.roles === "t"
  const bound = found.binds === "t" ? (await client.query<Raw>(bindings)).rows : undefined
  const all: Grant[] = []
  if (hasRoles) {
    const { rows } = await client.query<Raw>(members)
    const holders = new Set(rows.map((row) => `${row.group} ${row.oid}`))
    for (const row of rows) all.push(memberGrant(row, bound, rows, holders))
    for (const row of bound ?? []) if (row.is_member !== "t") all.push(lostBinding(row))
  } else {
    all.push({
      role: found.owner ?? "",
      right: "owner",
      organizations: null,
      via: "direct",
      login: found.login === "t",
      admin: true,
      by_set_role: false,
      superuser: found.superuser === "t",
      odd: null,
    })
  }
  const { rows: others } = await client.query<Raw>(byHand)
  for (const row of others) {
    all.push({
      role: row.role ?? "",
      right: row.right ?? "",
      organizations: null,
      via: "direct",
      login: row.login === "t",
      admin: row.admin === "t",
      by_set_role: false,
      superuser: row.superuser === "t",
      odd: "granted by hand",
    })
  }
  return { grants: all, superusers: JSON.parse(found.superusers ?? "[]") as string[], roles: hasRoles }
}

/** PostgreSQL's own groups reach into every schema. */
const ofServer: Readonly<Record<string, string>> = { pg_read_all_data: "reader", pg_write_all_data: "writer" }

/** Group roles whose members see more than one organization. */
const wide = [
  "pgtrail_owner",
  "pgtrail_reader",
  "pgtrail_auditor",
  "pgtrail_operator",
  "pgtrail_privacy",
  "pgtrail_writer",
  "pg_read_all_data",
]

function memberGrant(
  row: Raw,
  bound: readonly Raw[] | undefined,
  rows: readonly Raw[],
  holders: ReadonlySet<string>,
): Grant {
  const via = arrayOf(row.via)
  const isBound = row.group === "pgtrail_organization_reader"
  const organizations = isBound ? boundOrganizations(row, bound, rows) : null
  const also = isBound ? wide.filter((group) => holders.has(`${group} ${row.oid}`)) : []
  const odd =
    also.length > 0
      ? `is a member of ${also.join(", ")} too, and so not bound`
      : organizations?.length === 0
        ? "bound to no organization: it reads nothing"
        : row.group !== null && row.group !== undefined && row.group in ofServer
          ? `by ${row.group}, which is of all tables of the server`
          : null
  return {
    role: row.role ?? "",
    right: isBound ? "reader" : (ofServer[row.group ?? ""] ?? (row.group ?? "").replace(/^pgtrail_/, "")),
    organizations,
    via: via.length === 0 ? "direct" : via.join(" > "),
    login: row.login === "t",
    admin: row.admin === "t",
    by_set_role: row.by_set_role === "t",
    superuser: row.superuser === "t",
    odd,
  }
}

/** Its own, and those of the roles on the way. */
function boundOrganizations(
  row: Raw,
  bound: readonly Raw[] | undefined,
  rows: readonly Raw[],
): string[] | undefined {
  if (bound === undefined) return undefined
  const names = new Set([row.role, ...arrayOf(row.via)])
  for (const other of rows) if (other.oid === row.oid) for (const name of arrayOf(other.via)) names.add(name)
  return [
    ...new Set(
      bound
        .filter(({ role_name: name, is_member: isMember }) => isMember === "t" && names.has(name ?? ""))
        .map((one) => one.organization_id ?? ""),
    ),
  ]
}

function lostBinding({ role_name: role, organization_id: organization, oid }: Raw): Grant {
  return {
    role: role ?? "",
    right: "reader",
    organizations: [organization ?? ""],
    via: "direct",
    login: false,
    admin: false,
    by_set_role: false,
    superuser: false,
    odd:
      oid == null ? "there is no such role" : "is no member of pgtrail_organization_reader: it reads nothing",
  }
}

const arrayOf = (json: string | null | undefined): string[] => JSON.parse(json ?? "[]") as string[]
