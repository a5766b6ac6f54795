// Takes roles out of a profile, which stays: what it gave them goes, by an act, and what they may do all the same is told.
import type { ClientBase } from "pg"
import { TrailError } from "../errors.js"
import { LOCK_SPACE, literal } from "../migrate/script.js"
import { refuseForeignFunctions } from "../verify/foreign.js"
import { newestActs, type ProfileAct } from "./acts.js"
import { ACT_LOCK } from "./elsewhere.js"
import { type Roles, withdrawSql } from "./grants.js"
import { rolesLeft } from "./left.js"
import { type Ground, objectsThere, readGround } from "./place.js"
import { asOwner } from "./prepare.js"
import { profileNamed } from "./profiles.js"
import { quotedRoles } from "./roles.js"
import type { Profile } from "./shape.js"

export interface RevokeProfileOptions {
  /** Default `public`. */
  readonly schema?: string | undefined
  readonly writers?: readonly string[] | undefined
  readonly readers?: readonly string[] | undefined
  /** Runs everything and rolls it back. */
  readonly dryRun?: boolean | undefined
}

export interface RevokedProfile {
  readonly profile: string
  readonly schema: string
  /** Who was taken out. */
  readonly writers: readonly string[]
  readonly readers: readonly string[]
  /** What these roles have all the same, with the command that ends it. */
  readonly left: readonly string[]
  readonly act: string | null
  readonly dry_run: boolean
}

/** Throws `not-found` where it is not installed there, or not for one of these; `usage` where nobody is named; `privilege`. */
export async function revokeProfile(
  client: ClientBase,
  name: string,
  { schema = "public", writers = [], readers = [], dryRun = false }: RevokeProfileOptions = {},
): Promise<RevokedProfile> {
  const profile = profileNamed(name)
  const out: Roles = { writers: [...new Set(writers)], readers: [...new Set(readers)] }
  if (out.writers.length + out.readers.length === 0) {
    throw new TrailError("usage", "nobody is named who would be taken out of the profile", {
      hint: `nothing was changed; name a --writer or a --reader. To take the profile itself away: pgtrail profile remove ${name}`,
    })
  }
  await client.query("begin isolation level read committed")
  try {
    await client.query("set local synchronous_commit = on; set local lock_timeout = '10s'")
    const ground = await readGround(client, schema, "default", "may be gone")
    // Of two at once the second reads what the first recorded.
    await client.query(`select pg_advisory_xact_lock(${LOCK_SPACE}, ${ACT_LOCK})`)
    const acts = await newestActs(client, ground.owner)
    const last = acts.find((act) => act.profile === name && act.schema === schema)
    if (last?.action !== "install") {
      throw new TrailError("not-found", `profile ${name} is not installed in schema ${schema}`, {
        hint: "nothing was changed; where it is installed: pgtrail profile list",
      })
    }
    refuseOther(last, out)
    const quoted = await quotedRoles(client, [...out.writers, ...out.readers])
    await refuseForeignFunctions(client)
    const { everWriters, everReaders, ...said } = last
    const parameters = {
      ...said,
      writers: last.writers.filter((role) => !out.writers.includes(role)),
      readers: last.readers.filter((role) => !out.readers.includes(role)),
      revoked: out,
    }
    const there = await objectsThere(client, profile, schema, false)
    await client.query(
      asOwner(ground, [
        withdrawSql(profile, ground, parameters, quoted, there),
        `select set_config('pgtrail.profile_act', pgtrail.record_act('profile', ${literal(JSON.stringify(parameters))}::jsonb)::text, true);`,
      ]),
    )
    const { rows } = await client.query<{ act: string }>(
      "select current_setting('pgtrail.profile_act') as act",
    )
    const gone = [...quoted.keys()].filter(
      (role) => !parameters.writers.includes(role) && !parameters.readers.includes(role),
    )
    const others = acts.filter((act) => act.action === "install" && act !== last)
    const left = [
      ...(await stillAble(client, profile, ground, out)),
      ...(await rolesLeft(client, gone, schema, ground, others)),
    ]
    await client.query(dryRun ? "rollback" : "commit")
    return {
      profile: name,
      schema,
      ...out,
      left,
      act: dryRun ? null : (rows[0]?.act ?? null),
      dry_run: dryRun,
    }
  } catch (error) {
    await client.query("rollback").catch(() => undefined)
    throw error
  }
}

/** Whoever the profile was ever installed for may have something of it still. */
function refuseOther(last: ProfileAct, { writers, readers }: Roles): void {
  for (const [some, ever, now, flag] of [
    [writers, last.everWriters, last.writers, "writer"],
    [readers, last.everReaders, last.readers, "reader"],
  ] as const) {
    const other = some.find((role) => !ever.includes(role))
    if (other === undefined) continue
    throw new TrailError(
      "not-found",
      `${other} is no --${flag} of profile ${last.profile} in schema ${last.schema}`,
      { hint: `nothing was changed; it has ${now.length === 0 ? "none" : now.join(", ")}` },
    )
  }
}

/** By what he is a member of, or as somebody else granted it. */
async function stillAble(
  client: ClientBase,
  profile: Profile,
  { schemaName, schema }: Ground,
  { writers, readers }: Roles,
): Promise<string[]> {
  const { rows } = await client.query<{ role: string; name: string; right: string }>(
    `select w.role, quote_ident(c.relname) as name, w.right
     from (select unnest($3::text[]) as role, 'insert' as right union all select unnest($4::text[]), 'select') w
     join pg_roles r on r.rolname = w.role and not r.rolsuper
     join pg_namespace n on n.nspname = $1 join pg_class c on c.relnamespace = n.oid and c.relname = any ($2)
     where has_table_privilege(r.oid, c.oid, w.right) order by 1, 3, 2`,
    [schemaName, profile.views.map(({ name }) => name), writers, readers],
  )
  return rows.map(
    ({ role, name, right }) =>
      `${role} may ${right === "insert" ? "write" : "read"} ${schema}.${name} all the same, by a role that it is a member of or what others granted: psql's \\dp ${schema}.${name} and \\du tell which`,
  )
}
