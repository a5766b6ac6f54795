// Installs a profile: everything in one transaction, as the owner of the log, with the act that records it.
import type { ClientBase } from "pg"
import { TrailError } from "../errors.js"
import { refuseForeignFunctions } from "../verify/foreign.js"
import { newestActs } from "./acts.js"
import { nextOf, replacementsOf } from "./next.js"
import { notesOf } from "./notes.js"
import type { Ground } from "./place.js"
import { prepare } from "./prepare.js"
import { profileNamed } from "./profiles.js"
import type { Profile, Replacement } from "./shape.js"
import { objectsOf } from "./sql.js"
import { stateOf } from "./state.js"

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
  /** In which respects it is not what the profile makes: of what is kept, and of what somebody else granted. */
  readonly differs: readonly string[]
}

export interface InstalledProfile {
  readonly profile: string
  readonly schema: string
  readonly organization: string
  readonly objects: readonly MadeObject[]
  readonly replacements: readonly Replacement[]
  /** What to know of the views beside that. */
  readonly notes: readonly string[]
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
    const now = (await newestActs(client, ground.owner)).find(
      (one) => one.profile === profile.name && one.schema === ground.schemaName,
    )
    const made = now === undefined ? [] : (await stateOf(client, profile, now)).objects
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
        differs: made.find(({ name }) => name === object.name)?.differs ?? [],
      })),
      replacements: replacementsOf(profile, ground, ground.schemaName, organization),
      notes: notesOf(profile),
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

async function newestAct(client: ClientBase, { owner }: Ground): Promise<string | null> {
  if (owner !== undefined) await client.query(`set local role ${owner}`)
  const { rows } = await client.query<{ seq: string }>("select max(seq) as seq from pgtrail.act")
  if (owner !== undefined) await client.query("reset role")
  return rows[0]?.seq ?? null
}
