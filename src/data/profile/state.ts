// Which profiles are installed, by the acts that recorded it, and whether their objects are as they were made.
import type { ClientBase } from "pg"
import { sha256Hex } from "../sql-files.js"
import { newestActs, otherOwner, type ProfileAct } from "./acts.js"
import { differencesOf, type Granted, rightsDiffering } from "./differences.js"
import { type Facts, factsSql, fingerprintsSql, rightsSql } from "./fingerprint.js"
import { nextOf, replacementsOf } from "./next.js"
import { notesOf } from "./notes.js"
import { profileNamed, profiles } from "./profiles.js"
import { asMadeHere } from "./rebuilt.js"
import type { Place, Profile, Replacement } from "./shape.js"
import { createSql, objectsOf } from "./sql.js"

export interface ProfileState {
  readonly name: string
  readonly summary: string
  readonly installed: boolean
  /** Null where it is not installed. */
  readonly schema: string | null
  readonly organization: string | null
  /** Roles that it was installed for since it was last removed. */
  readonly writers: readonly string[]
  readonly readers: readonly string[]
  readonly objects: readonly ObjectState[]
}

export interface ObjectState {
  readonly name: string
  readonly kind: string
  /** Another version of PostgreSQL told the definition, and this session could not make one to compare it with. */
  readonly state: "as installed" | "changed" | "missing" | "made by another PostgreSQL"
  /** What of it was changed: nothing where an earlier version of pgtrail installed it, which did not tell. */
  readonly differs: readonly string[]
}

export interface ShownProfile {
  readonly profile: string
  readonly summary: string
  readonly installed: readonly ProfileState[]
  readonly replacements: readonly Replacement[]
  /** What to know of the views beside that. */
  readonly notes: readonly string[]
  readonly next: readonly string[]
}

interface Found {
  readonly profile: Profile
  readonly act: ProfileAct
  readonly state: ProfileState
}

/** Those that are installed, once for each schema. */
async function installedNow(
  client: ClientBase,
  isMeant: (act: ProfileAct) => boolean = () => true,
): Promise<ProfileState[]> {
  const found = await inReadOnly(client, async () => {
    const acts = await newestActs(client, await otherOwner(client))
    const installed: Found[] = []
    for (const act of acts) {
      const profile = profiles.find(({ name }) => name === act.profile)
      if (profile === undefined || act.action !== "install" || !isMeant(act)) continue
      installed.push({ profile, act, state: await stateOf(client, profile, act) })
    }
    return installed
  })
  return compared(client, found)
}

/** Every profile that ships: once where it is not installed, else once for each schema. */
export async function profileStates(client: ClientBase): Promise<ProfileState[]> {
  const states = await installedNow(client)
  return profiles.flatMap(({ name, summary }) => {
    const installed = states.filter((state) => state.name === name)
    if (installed.length > 0) return installed
    return [
      {
        name,
        summary,
        installed: false,
        schema: null,
        organization: null,
        writers: [],
        readers: [],
        objects: [],
      },
    ]
  })
}

/** Throws `usage` for a name that no profile has. */
export async function showProfile(
  client: ClientBase,
  name: string,
  schema: string | undefined,
): Promise<ShownProfile> {
  const profile = profileNamed(name)
  const installed = await installedNow(
    client,
    (act) => act.profile === name && (schema ?? act.schema) === act.schema,
  )
  const { schema: where = null, organization = null } = installed[0] ?? {}
  const place = { schema: where ?? schema ?? "public", organization: "'default'" }
  return {
    profile: name,
    summary: profile.summary,
    installed,
    replacements: replacementsOf(profile, place, place.schema, organization ?? "default"),
    notes: notesOf(profile),
    next: nextOf(profile, place.schema, organization ?? "default"),
  }
}

/** As the act says and as the catalog says. In a transaction, or without. */
export async function stateOf(client: ClientBase, profile: Profile, act: ProfileAct): Promise<ProfileState> {
  const { schema, organization } = act
  const place = await placeOf(client, act)
  const { rows } = await client.query<{ facts: string; whole: string; server: string }>(
    `select (${factsSql(profile, place)})::text as facts, (${fingerprintsSql(profile, place)})::text as whole,
       current_setting('server_version_num') as server`,
  )
  const [row] = rows
  const facts = JSON.parse(row?.facts ?? "{}") as Record<string, Facts>
  const whole = JSON.parse(row?.whole ?? "{}") as Record<string, string>
  const granted = act.rights === undefined ? [] : await rightsNow(client, profile, place)
  return {
    name: profile.name,
    summary: profile.summary,
    installed: true,
    schema,
    organization,
    writers: act.writers,
    readers: act.readers,
    // An earlier pgtrail made fewer.
    objects: objectsOf(profile)
      .filter(({ name }) => act.objects === undefined || act.objects[name] !== undefined)
      .map(({ name, kind }) => {
        const [now, then] = [facts[name], act.objects?.[name]]
        if (now === undefined) return { name, kind, state: "missing", differs: [] }
        if (then === undefined || typeof then === "string") {
          return { name, kind, state: whole[name] === then ? "as installed" : "changed", differs: [] }
        }
        const differs = [
          ...differencesOf(then, now),
          ...(act.rights === undefined ? [] : rightsDiffering(name, act.rights[name], act, granted)),
        ]
        if (differs.length === 0) return { name, kind, state: "as installed", differs }
        return differs.join() === "definition" && act.server !== row?.server
          ? { name, kind, state: "made by another PostgreSQL", differs: [] }
          : { name, kind, state: "changed", differs }
      }),
  }
}

async function placeOf(client: ClientBase, { schema, organization }: ProfileAct): Promise<Place> {
  const { rows } = await client.query<{ schema: string; organization: string }>(
    "select quote_ident($1) as schema, quote_literal($2) as organization",
    [schema, organization],
  )
  return rows[0] ?? { schema: "", organization: "" }
}

async function rightsNow(client: ClientBase, profile: Profile, place: Place): Promise<Granted[]> {
  const { rows } = await client.query<{ name: string; role: string; everybody: string; right: string }>(
    rightsSql(profile, place),
  )
  return rows.map(({ everybody, ...row }) => ({ ...row, everybody: everybody === "t" }))
}

/** What another PostgreSQL told is made once more on this one, in a transaction of its own that is rolled back. */
async function compared(client: ClientBase, found: readonly Found[]): Promise<ProfileState[]> {
  const judged: ProfileState[] = []
  for (const { profile, act, state } of found) {
    const names = state.objects.filter(isForeign).map(({ name }) => name)
    const place = await placeOf(client, act)
    const same = names.length === 0 ? undefined : await asMadeHere(client, profile, place, names)
    // Where this pgtrail would make another view than the one that did, nothing is known of one that differs.
    const isComparable = same !== undefined && act.definition === sha256Hex(createSql(profile, place))
    const objects = state.objects.map((object): ObjectState => {
      if (!isForeign(object)) return object
      if (same?.includes(object.name) === true) return { ...object, state: "as installed" }
      return isComparable ? { ...object, state: "changed", differs: ["definition"] } : object
    })
    judged.push({ ...state, objects })
  }
  return judged
}

const isForeign = ({ state }: ObjectState): boolean => state === "made by another PostgreSQL"

async function inReadOnly<T>(client: ClientBase, work: () => Promise<T>): Promise<T> {
  await client.query("begin isolation level repeatable read read only")
  try {
    return await work()
  } finally {
    await client.query("rollback").catch(() => undefined)
  }
}
