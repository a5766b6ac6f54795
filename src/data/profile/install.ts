// Installs a profile: everything in one transaction, as the owner of the log, with the act that records it.
import type { ClientBase } from "pg"
import { TrailError } from "../errors.js"
import { literal } from "../migrate/script.js"
import { sha256Hex } from "../sql-files.js"
import { refuseForeignFunctions } from "../verify/foreign.js"
import { fingerprintsSql } from "./fingerprint.js"
import { grantSql } from "./grants.js"
import { nextOf } from "./next.js"
import { type Ground, objectsThere, readGround } from "./place.js"
import { profileNamed } from "./profiles.js"
import { quotedRoles, refuseBound } from "./roles.js"
import type { Profile, Replacement } from "./shape.js"
import { createSql, objectsOf } from "./sql.js"
import { newestActs } from "./state.js"

export interface InstallProfileOptions {
  /** Whose events the views have, where the system knows no organizations. Default: as it is installed there, else `default`. */
  readonly organization?: string | undefined
  /** Where the application looks for its tables. Default `public`. */
  readonly schema?: string | undefined
  /** Roles that may insert. Times without a zone are UTC for them, and for readers, from their next connection on. */
  readonly writers?: readonly string[] | undefined
  /** Roles that may read. */
  readonly readers?: readonly string[] | undefined
  /** Runs everything and rolls it back. */
  readonly dryRun?: boolean | undefined
}

export interface MadeObject {
  readonly name: string
  readonly kind: "view" | "table" | "function" | "sequence"
  readonly state: "created" | "replaced" | "kept"
}

export interface InstalledProfile {
  readonly profile: string
  readonly schema: string
  readonly organization: string
  readonly objects: readonly MadeObject[]
  readonly replacements: readonly Replacement[]
  /** Commands that set up what else the system did. */
  readonly next: readonly string[]
  /** seq of the act; null where nothing changed. */
  readonly act: string | null
  readonly dry_run: boolean
}

/** Throws `exists` where a name is taken, `usage`, `not-found`, `privilege`, `pending-migration`, `not-installed`, `lock-timeout`. */
export async function installProfile(
  client: ClientBase,
  name: string,
  options: InstallProfileOptions = {},
): Promise<InstalledProfile> {
  const profile = profileNamed(name)
  await client.query("begin isolation level read committed")
  try {
    await client.query("set local synchronous_commit = on; set local lock_timeout = '10s'")
    const { ground, script, before, isRecorded, organization } = await prepare(client, profile, options)
    await refuseForeignFunctions(client)
    await client.query(script).catch((error: unknown) => {
      throw inWords(error, profile, ground)
    })
    const act = isRecorded ? null : await newestAct(client, ground)
    await client.query(options.dryRun === true ? "rollback" : "commit")
    return {
      profile: profile.name,
      schema: ground.schemaName,
      organization,
      objects: objectsOf(profile).map((object) => ({
        name: object.name,
        kind: object.kind,
        state: !before.includes(object.name)
          ? "created"
          : object.kind === "table" || object.kind === "sequence"
            ? "kept"
            : "replaced",
      })),
      replacements: profile.replacements(ground),
      next: nextOf(profile, ground.schemaName, organization),
      act: options.dryRun === true ? null : act,
      dry_run: options.dryRun === true,
    }
  } catch (error) {
    await client.query("rollback").catch(() => undefined)
    throw error
  }
}

/** The SQL that `installProfile` would run now, for psql -1. */
export async function profileSql(
  client: ClientBase,
  name: string,
  options: InstallProfileOptions = {},
): Promise<string> {
  const profile = profileNamed(name)
  await client.query("begin read only")
  try {
    const { script } = await prepare(client, profile, options)
    return `-- pgtrail profile install ${profile.name}: run in one transaction, as psql -X -1 -v ON_ERROR_STOP=1 does\n\n${script}\n`
  } finally {
    await client.query("rollback").catch(() => undefined)
  }
}

/** What the server refuses in words that name neither the object nor what to do. */
function inWords(error: unknown, profile: Profile, { schemaName: schema }: Ground): unknown {
  const { code, message } = error as { readonly code?: string; readonly message?: string }
  if (code === "42P16") {
    const views = objectsOf(profile).filter(({ kind }) => kind === "view")
    const names = views.map(({ name }) => `${schema}.${name}`).join(", ")
    return new TrailError("exists", `a view of profile ${profile.name} was changed by hand: ${message}`, {
      hint: `nothing was changed; drop view ${names}, whose events stay in the log, then install again`,
      sqlstate: code,
      cause: error,
    })
  }
  if (code === "42501" && message?.includes("alter role") === true) {
    return new TrailError(
      "privilege",
      `this role may not set the time zone of a --writer or --reader: ${message}`,
      {
        hint: "nothing was changed; have a superuser run what pgtrail profile install --print-sql prints",
        sqlstate: code,
        cause: error,
      },
    )
  }
  return error
}

interface Prepared {
  readonly ground: Ground
  readonly organization: string
  readonly script: string
  /** Names of the objects that were there. */
  readonly before: readonly string[]
  /** Whether the newest act tells of just this already: then nothing is recorded again. */
  readonly isRecorded: boolean
}

async function prepare(
  client: ClientBase,
  profile: Profile,
  { organization: wanted, schema = "public", writers = [], readers = [] }: InstallProfileOptions,
): Promise<Prepared> {
  const { owner } = await readGround(client, schema, wanted ?? "default")
  const acts = (await newestActs(client, owner)).filter((one) => one.profile === profile.name)
  const last = acts.find((one) => one.schema === schema)
  const organization = wanted ?? (last?.action === "install" ? last.organization : "default")
  const ground = await readGround(client, schema, organization)
  if (ground.stranger !== undefined) {
    throw new TrailError(
      "privilege",
      `schema ${schema} belongs to ${ground.stranger}, who could replace what runs there with the rights of the log's owner`,
      {
        hint: `nothing was changed; alter schema ${ground.schema} owner to ${owner ?? "current_user"}, or make a schema of the log's owner: --schema`,
      },
    )
  }
  const before = await objectsThere(client, profile, schema)
  if (last?.action === "install" && last.organization !== organization) {
    throw new TrailError(
      "exists",
      `profile ${profile.name} is installed in schema ${schema} already, for organization ${JSON.stringify(last.organization)}`,
      {
        hint: `nothing was changed; for another organization install into another schema (--schema), or first: pgtrail profile remove ${profile.name}`,
      },
    )
  }
  const roles = await quotedRoles(client, [...writers, ...readers])
  if (profile.views.some((view) => view.hasOrganization)) await refuseBound(client, [...writers, ...readers])
  const names = (some: readonly string[]) => some.map((role) => roles.get(role) ?? "")
  const create = createSql(profile, ground)
  const grant = grantSql(profile, ground, names(writers), names(readers))
  const definition = sha256Hex(create)
  const isWhole = objectsOf(profile).every((object) => before.includes(object.name))
  const isRecorded = grant === "" && isWhole && last?.action === "install" && last.definition === definition
  const parameters = {
    action: "install",
    profile: profile.name,
    schema,
    organization,
    definition,
    writers,
    readers,
  }
  const script = asOwner(ground, [
    create,
    grant,
    isRecorded
      ? ""
      : `select pgtrail.record_act('profile', ${literal(JSON.stringify(parameters))}::jsonb || jsonb_build_object('objects', (${fingerprintsSql(profile, ground)})));`,
  ])
  const everybody = [...new Set([...names(writers), ...names(readers)])]
  const uses =
    everybody.length === 0 ? "" : `grant usage on schema ${ground.schema} to ${everybody.join(", ")};`
  const zones = everybody.map(
    (role) => `alter role ${role} in database ${ground.database} set timezone = 'UTC';`,
  )
  return {
    ground,
    organization,
    before,
    isRecorded,
    script: [script, uses, ...zones].filter((part) => part !== "").join("\n"),
  }
}

/** Lends the owner of the log the right to make something in the schema, where it has none; the right to use it stays. */
export function asOwner(ground: Ground, statements: readonly string[]): string {
  const { owner, schema, lendsCreate } = ground
  const lent = owner !== undefined && lendsCreate
  return [
    "set local search_path = pg_catalog, pg_temp;",
    "set local standard_conforming_strings = on;",
    "set local client_min_messages = warning;",
    lent ? `grant usage, create on schema ${schema} to ${owner};` : "",
    owner === undefined ? "" : `set local role ${owner};`,
    ...statements,
    owner === undefined ? "" : "reset role;",
    lent ? `revoke create on schema ${schema} from ${owner};` : "",
  ]
    .filter((part) => part !== "")
    .join("\n")
}

async function newestAct(client: ClientBase, { owner }: Ground): Promise<string | null> {
  if (owner !== undefined) await client.query(`set local role ${owner}`)
  const { rows } = await client.query<{ seq: string }>("select max(seq) as seq from pgtrail.act")
  if (owner !== undefined) await client.query("reset role")
  return rows[0]?.seq ?? null
}
