// The script of an installation: what it makes, whom it grants what, and what its act says.
import type { ClientBase } from "pg"
import { TrailError } from "../errors.js"
import { literal } from "../migrate/script.js"
import { shellWord } from "../shell-word.js"
import { sha256Hex } from "../sql-files.js"
import { newestActs, type ProfileAct } from "./acts.js"
import { aloneSql, dropFunctionsSql } from "./alone.js"
import { guardElsewhere, refuseElsewhere } from "./elsewhere.js"
import { type Carried, carriedSql, type Facts, factsSql } from "./fingerprint.js"
import { grantSql, type Rights, rightsOf } from "./grants.js"
import { heldNames } from "./held.js"
import type { InstallProfileOptions } from "./install.js"
import { type Ground, objectsThere, readGround } from "./place.js"
import { ident } from "./quote.js"
import { quotedRoles, refuseBound } from "./roles.js"
import type { Profile } from "./shape.js"
import { createSql, objectsOf } from "./sql.js"
import { stateOf } from "./state.js"

export interface Prepared {
  readonly ground: Ground
  readonly organization: string
  readonly script: string
  /** Names of the objects that were there. */
  readonly before: readonly string[]
  /** Whether the newest act tells of just this already: then nothing is recorded again. */
  readonly isRecorded: boolean
}

export async function prepare(
  client: ClientBase,
  profile: Profile,
  { organization: wanted, schema = "public", writers = [], readers = [] }: InstallProfileOptions,
): Promise<Prepared> {
  const { owner } = await readGround(client, schema, wanted ?? "default")
  const acts = (await newestActs(client, owner)).filter((one) => one.profile === profile.name)
  const last = acts.find((one) => one.schema === schema)
  // Of a profile that was removed too: whose events these were, they are.
  const organization = wanted ?? last?.organization ?? "default"
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
        hint: `nothing was changed; for another organization install into another schema (--schema), or first: pgtrail profile remove ${profile.name}${schema === "public" ? "" : ` --schema ${shellWord(schema)}`}`,
      },
    )
  }
  await refuseElsewhere(client, profile, ground)
  const roles = await quotedRoles(client, [...writers, ...readers])
  if (profile.views.some((view) => view.hasOrganization)) await refuseBound(client, [...writers, ...readers])
  const names = (some: readonly string[]) => some.map((role) => roles.get(role) ?? "")
  const create = createSql(profile, ground)
  const missing = objectsOf(profile).flatMap(({ name }) => (before.includes(name) ? [] : [name]))
  const lost = last?.action === "install" ? last : undefined
  const rights = rightsOf(profile, ground)
  const found = lost === undefined ? [] : (await stateOf(client, profile, lost)).objects
  // Also a function that an earlier pgtrail made with other arguments.
  const gone = found.flatMap(({ name, state }) => (state === "missing" ? [name] : []))
  const anew = objectsOf(profile).flatMap(({ name }) =>
    missing.includes(name) ||
    gone.includes(name) ||
    (lost?.rights !== undefined && isOther(lost.rights[name], rights[name]))
      ? [name]
      : [],
  )
  const grant = [
    grantSql(profile, ground, names(writers), names(readers)),
    // What was dropped since took its rights along, and another pgtrail may have given others.
    grantSql(profile, ground, quoted(lost?.writers ?? []), quoted(lost?.readers ?? []), anew),
  ]
    .filter((part) => part !== "")
    .join("\n")
  const definition = sha256Hex(create)
  const { rows } = await client.query<{ server: string }>(
    "select current_setting('server_version_num') as server",
  )
  const server = rows[0]?.server ?? ""
  const named = (some: readonly string[], already: readonly string[] = []) =>
    some.every((role) => already.includes(role))
  const isForSomebody = writers.length + readers.length > 0
  const isRecorded =
    missing.length === 0 &&
    lost?.definition === definition &&
    lost.server === server &&
    named(writers, lost.writers) &&
    named(readers, lost.readers) &&
    found.every(
      ({ kind, differs }) =>
        !differs.some(
          (one) =>
            (kind === "table" && one.endsWith(" added")) || (isForSomebody && one.includes(" has lost ")),
        ),
    )
  const sources = Object.fromEntries(
    profile.companions.flatMap(({ name, kind, sql }) =>
      kind === "table" ? [[name, sha256Hex(sql(ground))]] : [],
    ),
  )
  const parameters = {
    action: "install",
    profile: profile.name,
    schema,
    organization,
    definition,
    server,
    writers: [...new Set([...(lost?.writers ?? []), ...writers])],
    readers: [...new Set([...(lost?.readers ?? []), ...readers])],
    rights,
    sources,
  }
  const script = asOwner(ground, [
    guardElsewhere(profile, ground),
    create,
    dropFunctionsSql(profile, ground, "stale"),
    aloneSql(ground, [...new Set([...missing, ...gone, ...heldNames(profile)])]),
    grant,
    isRecorded
      ? ""
      : `select pgtrail.record_act('profile', ${literal(JSON.stringify(parameters))}::jsonb || jsonb_build_object('objects', ${carriedSql(
          factsSql(profile, ground),
          carriedFrom(last, before, parameters),
        )}));`,
  ])
  const everybody = [...new Set([...names(writers), ...names(readers)])]
  // A schema that was dropped took the right to use it along too.
  const users =
    missing.length < objectsOf(profile).length
      ? everybody
      : [...new Set([...everybody, ...quoted([...(lost?.writers ?? []), ...(lost?.readers ?? [])])])]
  const uses = users.length === 0 ? "" : `grant usage on schema ${ground.schema} to ${users.join(", ")};`
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

const isOther = (then: Rights[string] = {}, now: Rights[string] = {}): boolean =>
  (["writers", "readers"] as const).some((who) => then[who]?.join() !== now[who]?.join())

const quoted = (roles: readonly string[]): string[] => roles.map(ident)

/** As long as the profile makes them the same way. */
function carriedFrom(
  last: ProfileAct | undefined,
  before: readonly string[],
  {
    definition,
    sources,
  }: { readonly definition: string; readonly sources: Readonly<Record<string, string>> },
): Carried {
  const tables: Record<string, Facts> = {}
  const views: Record<string, Facts> = {}
  for (const name of before) {
    const facts = last?.objects?.[name]
    if (typeof facts !== "object") continue
    if (sources[name] !== undefined && last?.sources?.[name] === sources[name]) tables[name] = facts
    if (facts.definition !== undefined && last?.definition === definition) {
      views[name] = { trigger: facts.trigger ?? {}, rule: facts.rule ?? {} }
    }
  }
  return { tables, views }
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
