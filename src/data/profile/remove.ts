// Takes a profile away: views, functions and sequences go, the events stay in the log, and its tables keep their rows unless asked for.
import type { ClientBase } from "pg"
import { TrailError } from "../errors.js"
import { literal } from "../migrate/script.js"
import { refuseForeignFunctions } from "../verify/foreign.js"
import { asOwner } from "./install.js"
import { objectsThere, readGround } from "./place.js"
import { profileNamed } from "./profiles.js"
import { ident } from "./quote.js"
import { objectsOf } from "./sql.js"
import { newestActs } from "./state.js"

export interface RemoveProfileOptions {
  /** Default `public`. */
  readonly schema?: string | undefined
  /** Drops its tables too, with their rows; needs `confirm`. */
  readonly tables?: boolean | undefined
  /** The name of the schema. */
  readonly confirm?: string | undefined
  /** Runs everything and rolls it back. */
  readonly dryRun?: boolean | undefined
}

export interface RemovedProfile {
  readonly profile: string
  readonly schema: string
  readonly dropped: readonly string[]
  /** Tables that stay with their rows. */
  readonly kept: readonly string[]
  readonly act: string | null
  readonly dry_run: boolean
}

/** Throws `not-found` where it is not installed there, `usage` where tables would go unconfirmed, `privilege`; what depends on a view refuses it. */
export async function removeProfile(
  client: ClientBase,
  name: string,
  { schema = "public", tables = false, confirm, dryRun = false }: RemoveProfileOptions = {},
): Promise<RemovedProfile> {
  const profile = profileNamed(name)
  await client.query("begin isolation level read committed")
  try {
    await client.query("set local synchronous_commit = on; set local lock_timeout = '10s'")
    const ground = await readGround(client, schema, "default")
    const acts = await newestActs(client, ground.owner)
    const last = acts.find((act) => act.profile === name && act.schema === schema)
    const there = await objectsThere(client, profile, schema, last?.action === "install" || tables)
    const own = objectsOf(profile).filter((object) => there.includes(object.name))
    if (last?.action !== "install" && !(tables && own.length > 0)) {
      throw new TrailError("not-found", `profile ${name} is not installed in schema ${schema}`, {
        hint: "nothing was changed; where it is installed: pgtrail profile list",
      })
    }
    const kept = tables ? [] : own.filter((object) => object.kind === "table")
    const dropped = droppable(own, kept)
    if (tables && confirm !== schema && !dryRun) {
      const lost = own.filter((object) => object.kind === "table").map((object) => object.name)
      throw new TrailError("usage", `the rows of ${lost.join(", ")} in schema ${schema} would be lost`, {
        hint: `nothing was changed; to lose them: pgtrail profile remove ${name} --schema ${schema} --tables --confirm ${schema}`,
      })
    }
    await refuseForeignFunctions(client)
    const parameters = {
      action: "remove",
      profile: name,
      schema,
      organization: last?.organization ?? "default",
    }
    await client.query(
      asOwner(ground, [
        // A table that stays is a plain one: what its triggers called is gone.
        ...(await triggersOf(client, schema, kept)).map(
          ({ table, trigger }) => `drop trigger ${trigger} on ${ground.schema}.${ident(table)};`,
        ),
        ...dropped.map(
          ({ name: object, kind, signature = "" }) =>
            `drop ${kind} ${ground.schema}.${ident(object)}${signature};`,
        ),
        `select set_config('pgtrail.profile_act', pgtrail.record_act('profile', ${literal(JSON.stringify(parameters))}::jsonb)::text, true);`,
      ]),
    )
    const { rows } = await client.query<{ act: string }>(
      "select current_setting('pgtrail.profile_act') as act",
    )
    await client.query(dryRun ? "rollback" : "commit")
    return {
      profile: name,
      schema,
      dropped: dropped.map((object) => object.name),
      kept: kept.map((object) => object.name),
      act: dryRun ? null : (rows[0]?.act ?? null),
      dry_run: dryRun,
    }
  } catch (error) {
    await client.query("rollback").catch(() => undefined)
    throw inWords(error, name)
  }
}

/** The server names what depends on a view only in its detail; its hint, CASCADE, would take that along untold. */
function inWords(error: unknown, name: string): unknown {
  const { code, detail } = error as { readonly code?: string; readonly detail?: string }
  if (code !== "2BP01") return error
  const dependent = detail === undefined ? "" : `: ${detail.split("\n")[0]}`
  return new TrailError("exists", `something else reads what profile ${name} would take away${dependent}`, {
    hint: "nothing was changed; drop it first, or keep the profile",
    sqlstate: code,
    cause: error,
  })
}

type Own = ReturnType<typeof objectsOf>[number]

interface Trigger {
  readonly table: string
  /** Quoted. */
  readonly trigger: string
}

async function triggersOf(client: ClientBase, schema: string, kept: readonly Own[]): Promise<Trigger[]> {
  const { rows } = await client.query<Trigger>(
    `select c.relname as table, quote_ident(g.tgname) as trigger from pg_trigger g
     join pg_class c on c.oid = g.tgrelid join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relname = any ($2) and g.tgname like 'pgtrail%' and not g.tgisinternal
     order by 1, 2`,
    [schema, kept.map(({ name }) => name)],
  )
  return rows
}

/** Views first, then tables, then the functions and sequences that served them. */
function droppable(own: readonly Own[], kept: readonly Own[]): Own[] {
  const order = ["view", "table", "function", "sequence"]
  return own
    .filter((object) => !kept.includes(object))
    .reverse()
    .sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind))
}
