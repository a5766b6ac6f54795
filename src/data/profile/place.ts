// Where a profile is put: quoted by the server, with who owns the log, and what stands there already.
import type { ClientBase } from "pg"
import { TrailError } from "../errors.js"
import { notInstalled } from "../migrate/state.js"
import { shellWord } from "../shell-word.js"
import type { Place, Profile } from "./shape.js"
import { mark, objectsOf } from "./sql.js"
import { filled, renamed } from "./taken.js"

export interface Ground extends Place {
  readonly schemaName: string
  readonly database: string
  /** The owner of the log, quoted; undefined where the session is that role. */
  readonly owner: string | undefined
  /** Who owns the schema, where he is neither a superuser nor the log's owner: what is in a schema its owner can replace. */
  readonly stranger: string | undefined
  /** Whether the owner can take rights from itself: from a superuser, or who may write all data, nothing can be taken. */
  readonly isHeld: boolean
  /** Whether the owner lacks the right to make something in the schema: it is given for the transaction. */
  readonly lendsCreate: boolean
}

/** Throws `not-installed`, `pending-migration`, `not-found` for a schema that is not there, `privilege`. */
export async function readGround(
  client: ClientBase,
  schema: string,
  organization: string,
  /** Whether the schema is to be there, where something is to be made. */
  needs: "schema" | "may be gone" = "schema",
): Promise<Ground> {
  if (organization === "" || [...organization].length > 128) {
    throw new TrailError("usage", "an organization has 1 to 128 characters", { hint: "nothing was changed" })
  }
  const { rows } = await client.query<Record<string, string | null>>(
    `select quote_ident($1) as schema, quote_literal($2) as organization, quote_ident(current_database()) as database,
       s.oid as there, quote_ident(o.rolname) as owner, o.rolname = current_user as is_owner,
       pg_has_role(o.oid, case when current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end) as becomes,
       has_schema_privilege(o.oid, s.oid, 'create') as creates, to_regclass('pgtrail.open_event') is not null as is_recent,
       (select r.rolname from pg_roles r
         where r.oid = case when so.rolname = 'pg_database_owner'
             then (select d.datdba from pg_database d where d.datname = current_database()) else so.oid end
           and not r.rolsuper and not pg_has_role(r.oid, o.oid, 'MEMBER')) as stranger,
       not (o.rolsuper or exists (
         select from pg_roles g where g.rolname in ('pg_write_all_data', 'pg_maintain') and pg_has_role(o.oid, g.oid, 'USAGE'))) as is_held,
       pg_is_in_recovery() as standby
     from pg_namespace n
     join pg_roles o on o.oid = n.nspowner
     left join pg_namespace s on s.nspname = $1
     left join pg_roles so on so.oid = s.nspowner
     where n.nspname = 'pgtrail'`,
    [schema, organization],
  )
  const [found] = rows
  if (found === undefined) throw notInstalled()
  if (found.standby === "t") {
    throw new TrailError("read-only", "this server is a standby, which takes no writes", {
      hint: "nothing was changed; connect to the primary",
    })
  }
  if (found.is_recent !== "t") {
    throw new TrailError("pending-migration", "this log is of an earlier version, which knows no profiles", {
      hint: "nothing was changed; pgtrail migrate up",
    })
  }
  if (
    (found.there === null && needs === "schema") ||
    ["pgtrail", "information_schema"].includes(schema) ||
    schema.startsWith("pg_")
  ) {
    throw new TrailError(
      "not-found",
      found.there === null
        ? `there is no schema ${JSON.stringify(schema)}`
        : `${JSON.stringify(schema)} is no place for a profile`,
      {
        hint:
          found.there === null
            ? `nothing was changed; create schema ${found.schema ?? ""}, or name another with --schema`
            : "nothing was changed; name the schema where the application looks for its tables: --schema",
      },
    )
  }
  const isOwner = found.is_owner === "t"
  if (!isOwner && found.becomes !== "t") {
    throw new TrailError("privilege", `this role may not act as ${found.owner ?? ""}, the owner of the log`, {
      hint: "nothing was changed; connect as the role that installed the log",
    })
  }
  return {
    schema: found.schema ?? "",
    schemaName: schema,
    organization: found.organization ?? "",
    database: found.database ?? "",
    stranger: found.stranger ?? undefined,
    owner: isOwner ? undefined : (found.owner ?? ""),
    isHeld: found.is_held === "t",
    lendsCreate: found.there !== null && found.creates !== "t",
  }
}

/** What the profile would make and what is there by that name, its own or not. */
export async function objectsThere(
  client: ClientBase,
  profile: Profile,
  schema: string,
  /** False: what is not its own is passed over. */
  mustBeOwn = true,
): Promise<string[]> {
  const objects = objectsOf(profile)
  // A comment anybody writes on what is his: the owner tells whose it is.
  const { rows } = await client.query<{ name: string; kind: string; own: string; whose: string | null }>(
    `select o.name, o.kind, o.marked is not distinct from $3 and o.owner = l.nspowner as own,
       case when o.owner = l.nspowner then substring(o.marked, '^pgtrail profile (.*)$') end as whose
     from pg_namespace l, (
       select c.relname as name, c.relkind as kind, obj_description(c.oid, 'pg_class') as marked, c.relowner as owner
       from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and c.relname = any ($2)
       union all
       select p.proname, 'function', obj_description(p.oid, 'pg_proc'), p.proowner
       from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = $1 and p.proname = any ($2)) o
     where l.nspname = 'pgtrail'
     order by o.kind not in ('r', 'p'), o.kind = 'S', o.name`,
    [schema, objects.map((object) => object.name), mark(profile)],
  )
  const foreign = rows.find((row) => row.own !== "t")
  const own = rows.filter((row) => row.own === "t")
  if (foreign === undefined || !mustBeOwn) return own.map((row) => row.name)
  const name = `${schema}.${foreign.name}`
  if (foreign.whose !== null) throw ofAnother(profile, schema, name, foreign.kind, foreign.whose)
  const isTable = (kind: string) => kind === "r" || kind === "p"
  const others = rows.filter((row) => row.own !== "t" && row !== foreign && isTable(row.kind))
  const what = kinds[foreign.kind] ?? "something else"
  throw new TrailError(
    "exists",
    `${name} is there already: ${what} that is not of this profile${others.length === 0 ? "" : `, and so are ${others.map((row) => row.name).join(", ")}`}`,
    {
      hint: isTable(foreign.kind)
        ? `nothing was changed; keep ${others.length === 0 ? "it" : "each"} under another name (${renamed(profile, schema, foreign.name)}), install the profile, ${filled(profile, schema, foreign.name)}. Or install beside it: --schema`
        : "nothing was changed; rename it, or install into another schema: --schema",
    },
  )
}

/** Two applications that want a table of one name. */
function ofAnother(profile: Profile, schema: string, name: string, kind: string, whose: string): TrailError {
  const own = profile.name.replaceAll("-", "_")
  return new TrailError(
    "exists",
    `${name} is there already: ${kinds[kind] ?? "something"} of profile ${whose}`,
    {
      hint: `nothing was changed; give ${profile.name} a schema of its own, and let its application's search_path name that: create schema ${own}; then pgtrail profile install ${profile.name} --schema ${own}. Or first: pgtrail profile remove ${whose} --schema ${shellWord(schema)}`,
    },
  )
}

const kinds: Readonly<Record<string, string>> = {
  r: "a table",
  p: "a partitioned table",
  v: "a view",
  m: "a materialized view",
  S: "a sequence",
  f: "a foreign table",
  i: "an index",
  c: "a type",
  function: "a function",
}
