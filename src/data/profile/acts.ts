// What the acts say of each profile and schema.
import type { ClientBase } from "pg"
import type { Facts } from "./fingerprint.js"
import type { Rights } from "./grants.js"
import { readGround } from "./place.js"

export interface ProfileAct {
  readonly action: "install" | "remove"
  readonly profile: string
  readonly schema: string
  readonly organization: string
  readonly definition: string
  /** Of an act before facts were told, a digest of each. */
  readonly objects?: Readonly<Record<string, Facts | string>>
  /** The server's version in digits, as definitions are told in its words. */
  readonly server?: string
  readonly rights?: Rights
  /** Of a table, the digest of what made it. */
  readonly sources?: Readonly<Record<string, string>>
  /** Whoever was named since the profile was last removed there, was not taken out since, and is a role still. */
  readonly writers: readonly string[]
  readonly readers: readonly string[]
  /** And before that: on tables, which a removal leaves, they have their rights still. */
  readonly everWriters: readonly string[]
  readonly everReaders: readonly string[]
}

/** The newest act of each profile and schema. `owner` becomes who asks, where the session is not that role. */
export async function newestActs(client: ClientBase, owner: string | undefined): Promise<ProfileAct[]> {
  if (owner !== undefined) await client.query(`set local role ${owner}`)
  const roles = (which: "writers" | "readers", since: string) =>
    `(select coalesce(jsonb_agg(distinct r.role), '[]') from acts b cross join lateral jsonb_array_elements_text(case jsonb_typeof(b.parameters -> '${which}') when 'array' then b.parameters -> '${which}' else '[]' end) r (role)
        join pg_roles p on p.rolname = r.role
        where b.profile = a.profile and b.schema = a.schema
          and b.seq > ${since}
          and not exists (
            select from acts x where x.profile = b.profile and x.schema = b.schema and x.seq > b.seq and x.parameters -> 'revoked' -> '${which}' ? r.role))`
  const removal =
    "coalesce((select max(c.seq) from acts c where c.profile = a.profile and c.schema = a.schema and c.parameters ->> 'action' = 'remove' and c.seq < a.seq), 0)"
  const { rows } = await client.query<{ parameters: string }>(
    `with acts as materialized (
       select t.seq, t.parameters, t.parameters ->> 'profile' as profile, t.parameters ->> 'schema' as schema from pgtrail.act t where t.kind = 'profile')
     select (n.parameters || jsonb_build_object('writers', n.writers, 'readers', n.readers, 'everWriters', n.ever_writers, 'everReaders', n.ever_readers))::text as parameters
     from (
       select distinct on (a.profile, a.schema) a.parameters, ${roles("writers", removal)} as writers, ${roles("readers", removal)} as readers,
         ${roles("writers", "0")} as ever_writers, ${roles("readers", "0")} as ever_readers
       from acts a order by a.profile, a.schema, a.seq desc) n
     order by n.parameters ->> 'profile', n.parameters ->> 'schema'`,
  )
  if (owner !== undefined) await client.query("reset role")
  return rows.map((row) => JSON.parse(row.parameters) as ProfileAct)
}

/** Who may not read the acts himself, and may become the owner, does. */
export async function otherOwner(client: ClientBase): Promise<string | undefined> {
  const { rows } = await client.query<{ reads: string | null; owner: string; becomes: string }>(
    `select has_schema_privilege(n.oid, 'usage') and has_table_privilege(to_regclass('pgtrail.act'), 'select') as reads, quote_ident(o.rolname) as owner,
       pg_has_role(o.oid, case when current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end) as becomes
     from pg_namespace n join pg_roles o on o.oid = n.nspowner where n.nspname = 'pgtrail'`,
  )
  const [found] = rows
  if (found === undefined) await readGround(client, "public", "default")
  return found?.reads !== "t" && found?.becomes === "t" ? found.owner : undefined
}
