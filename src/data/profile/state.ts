// Which profiles are installed, by the acts that recorded it, and whether their objects are as they were made.
import type { ClientBase } from "pg"
import { fingerprintsSql } from "./fingerprint.js"
import { nextOf } from "./next.js"
import { readGround } from "./place.js"
import { profileNamed, profiles } from "./profiles.js"
import type { Profile, Replacement } from "./shape.js"
import { objectsOf } from "./sql.js"

export interface ProfileState {
  readonly name: string
  readonly summary: string
  readonly installed: boolean
  /** Null where it is not installed. */
  readonly schema: string | null
  readonly organization: string | null
  readonly objects: readonly {
    readonly name: string
    readonly kind: string
    readonly state: "as installed" | "changed" | "missing"
  }[]
}

export interface ShownProfile {
  readonly profile: string
  readonly summary: string
  readonly installed: readonly ProfileState[]
  readonly replacements: readonly Replacement[]
  readonly next: readonly string[]
}

export interface ProfileAct {
  readonly action: "install" | "remove"
  readonly profile: string
  readonly schema: string
  readonly organization: string
  readonly definition: string
  readonly objects: Readonly<Record<string, string>>
}

/** The newest act of each profile and schema. `owner` becomes who asks, where the session is not that role. */
export async function newestActs(client: ClientBase, owner: string | undefined): Promise<ProfileAct[]> {
  if (owner !== undefined) await client.query(`set local role ${owner}`)
  const { rows } = await client.query<{ parameters: string }>(
    `select distinct on (a.parameters ->> 'profile', a.parameters ->> 'schema') a.parameters::text as parameters
     from pgtrail.act a where a.kind = 'profile'
     order by a.parameters ->> 'profile', a.parameters ->> 'schema', a.seq desc`,
  )
  if (owner !== undefined) await client.query("reset role")
  return rows.map((row) => JSON.parse(row.parameters) as ProfileAct)
}

/** Every profile that ships: once where it is not installed, else once for each schema. */
export async function profileStates(client: ClientBase): Promise<ProfileState[]> {
  return inReadOnly(client, async () => {
    const acts = await newestActs(client, await otherOwner(client))
    const states: ProfileState[] = []
    for (const profile of profiles) {
      const installed = acts.filter((act) => act.profile === profile.name && act.action === "install")
      for (const act of installed) states.push(await stateOf(client, profile, act))
      if (installed.length > 0) continue
      const { name, summary } = profile
      states.push({ name, summary, installed: false, schema: null, organization: null, objects: [] })
    }
    return states
  })
}

/** Throws `usage` for a name that no profile has. */
export async function showProfile(
  client: ClientBase,
  name: string,
  schema: string | undefined,
): Promise<ShownProfile> {
  const profile = profileNamed(name)
  return inReadOnly(client, async () => {
    const acts = await newestActs(client, await otherOwner(client))
    const installed: ProfileState[] = []
    for (const act of acts) {
      if (act.profile !== name || act.action !== "install" || (schema ?? act.schema) !== act.schema) continue
      installed.push(await stateOf(client, profile, act))
    }
    const { schema: where = null, organization = null } = installed[0] ?? {}
    const place = { schema: where ?? schema ?? "public", organization: "'default'" }
    return {
      profile: name,
      summary: profile.summary,
      installed,
      replacements: profile.replacements(place),
      next: nextOf(profile, place.schema, organization ?? "default"),
    }
  })
}

async function stateOf(client: ClientBase, profile: Profile, act: ProfileAct): Promise<ProfileState> {
  const { schema, organization } = act
  const { rows: quoted } = await client.query<{ schema: string; organization: string }>(
    "select quote_ident($1) as schema, quote_literal($2) as organization",
    [schema, organization],
  )
  const place = quoted[0] ?? { schema: "", organization: "" }
  const { rows } = await client.query<{ objects: string }>(
    `select (${fingerprintsSql(profile, place)})::text as objects`,
  )
  const now = JSON.parse(rows[0]?.objects ?? "{}") as Record<string, string>
  return {
    name: profile.name,
    summary: profile.summary,
    installed: true,
    schema,
    organization,
    objects: objectsOf(profile).map(({ name, kind }) => ({
      name,
      kind,
      state:
        now[name] === undefined ? "missing" : now[name] === act.objects[name] ? "as installed" : "changed",
    })),
  }
}

/** Who may not read the acts himself, and may become the owner, does. */
async function otherOwner(client: ClientBase): Promise<string | undefined> {
  const { rows } = await client.query<{ reads: string | null; owner: string; becomes: string }>(
    `select has_schema_privilege(n.oid, 'usage') and has_table_privilege(to_regclass('pgtrail.act'), 'select') as reads, quote_ident(o.rolname) as owner,
       pg_has_role(o.oid, case when current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end) as becomes
     from pg_namespace n join pg_roles o on o.oid = n.nspowner where n.nspname = 'pgtrail'`,
  )
  const [found] = rows
  if (found === undefined) await readGround(client, "public", "default")
  return found?.reads !== "t" && found?.becomes === "t" ? found.owner : undefined
}

async function inReadOnly<T>(client: ClientBase, work: () => Promise<T>): Promise<T> {
  await client.query("begin isolation level repeatable read read only")
  try {
    return await work()
  } finally {
    await client.query("rollback").catch(() => undefined)
  }
}
