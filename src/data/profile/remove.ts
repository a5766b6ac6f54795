// Takes a profile away: views, functions and sequences go, the events stay in the log, and its tables keep their rows unless asked for.
import type { ClientBase } from "pg"
import { TrailError } from "../errors.js"
import { literal } from "../migrate/script.js"
import { shellWord } from "../shell-word.js"
import { refuseForeignFunctions } from "../verify/foreign.js"
import { newestActs, type ProfileAct } from "./acts.js"
import { dropFunctionsSql } from "./alone.js"
import { leftBehind } from "./left.js"
import { objectsThere, readGround } from "./place.js"
import { asOwner } from "./prepare.js"
import { profileNamed } from "./profiles.js"
import { ident } from "./quote.js"
import { objectsOf } from "./sql.js"

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
  /** What stays in force beside them, each with the command that ends it. */
  readonly left: readonly string[]
  /** The command that makes it again as it was. */
  readonly again: string
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
    const ground = await readGround(client, schema, "default", "may be gone")
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
    const lost = own.filter((object) => tables && object.kind === "table").map((object) => object.name)
    if (lost.length > 0 && confirm !== schema && !dryRun) {
      throw new TrailError("usage", `the rows of ${lost.join(", ")} in schema ${schema} would be lost`, {
        hint: `nothing was changed; to lose them: pgtrail profile remove ${name} --schema ${schema} --tables --confirm ${schema}`,
      })
    }
    await refuseForeignFunctions(client)
    const left = last === undefined ? [] : await leftBehind(client, profile, last, ground, acts)
    const organization = last?.organization ?? "default"
    const parameters = {
      action: "remove",
      profile: name,
      schema,
      organization,
      // By which the next installation tells whether somebody changed these meanwhile.
      ...(last?.sources === undefined ? {} : { sources: last.sources }),
      objects: Object.fromEntries(
        kept.flatMap((object) => {
          const facts = last?.objects?.[object.name]
          return typeof facts === "object" ? [[object.name, facts]] : []
        }),
      ),
    }
    const drops = (isMeant: (kind: Own["kind"]) => boolean) =>
      dropped
        .filter(({ kind }) => isMeant(kind))
        .map(({ name: object, kind }) => `drop ${kind} ${ground.schema}.${ident(object)};`)
    await client.query(
      asOwner(ground, [
        // A table that stays is a plain one: what its triggers called is gone.
        ...(await triggersOf(client, schema, kept)).map(
          ({ table, trigger }) => `drop trigger ${trigger} on ${ground.schema}.${ident(table)};`,
        ),
        ...drops((kind) => kind === "view" || kind === "table"),
        dropFunctionsSql(profile, ground, "all"),
        ...drops((kind) => kind === "sequence"),
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
      left,
      again: installLine(name, schema, organization, last),
      act: dryRun ? null : (rows[0]?.act ?? null),
      dry_run: dryRun,
    }
  } catch (error) {
    await client.query("rollback").catch(() => undefined)
    throw inWords(error, name)
  }
}

/** With the roles that it was for: what they had goes with the views. */
function installLine(
  name: string,
  schema: string,
  organization: string,
  { writers = [], readers = [] }: Partial<ProfileAct> = {},
): string {
  return [
    "pgtrail profile install",
    name,
    ...(organization === "default" ? [] : ["--org", organization]),
    ...(schema === "public" ? [] : ["--schema", schema]),
    ...writers.flatMap((role) => ["--writer", role]),
    ...readers.flatMap((role) => ["--reader", role]),
  ]
    .map((word, index) => (index === 0 ? word : shellWord(word)))
    .join(" ")
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
