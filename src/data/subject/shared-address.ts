// An e-mail address that several people have, as a department's: whoever names it with one of them would take the others along. It is told to whoever
// looks, and refused before anything is done.
import type { Client, ClientBase } from "pg"
import { TrailError } from "../errors.js"
import { grouped, plural, quoted } from "../words.js"
import { type Identifier, isPseudonym } from "./identifiers.js"
import { partitionsIn, type SubjectScope, stageSubject, viewInPartition } from "./stage.js"

/** Who did events that are found as the subject's, where an e-mail address was given that others may have too. */
export interface FoundActor {
  readonly organization_id: string
  /** Null: one of those that were given. */
  readonly actor_id: string | null
  /** Which of the identifiers is the address by which the event is found, from 1; null where none is. */
  readonly identifier: string | null
  readonly events: string
}

type Counted = Pick<FoundActor, "actor_id" | "identifier"> & { readonly events: string | number }

export interface Shared {
  /** Of the others, by their ids. */
  readonly others: ReadonlyMap<string, bigint>
  /** Numbers of the identifiers. */
  readonly addresses: readonly string[]
  readonly events: bigint
}

/** Tells an actor of an event that was found from those that were given. Undefined: by none of the identifiers anybody else could be found. */
export function actorsOf(
  given: readonly Identifier[],
): ((id: string | null, email: string | null) => Pick<FoundActor, "actor_id" | "identifier">) | undefined {
  if (!given.some(({ kind }) => kind === "email")) return undefined
  const ids = new Set(given.filter(({ kind }) => kind === "id").map(({ value }) => value.normalize("NFC")))
  const addresses = new Map(
    given.flatMap(({ kind, value }, at) =>
      kind === "email" ? [[form(value), String(at + 1)] as const] : [],
    ),
  )
  return (id, email) =>
    id === null || isPseudonym(id) || ids.has(id.normalize("NFC"))
      ? { actor_id: null, identifier: null }
      : { actor_id: id, identifier: email === null ? null : (addresses.get(form(email)) ?? null) }
}

export interface ActorSum extends Pick<FoundActor, "actor_id" | "identifier"> {
  events: number
}

/** The same, counted while events are read. */
export class ActorSums {
  readonly #of: ReturnType<typeof actorsOf>
  readonly #sums = new Map<string, ActorSum>()

  constructor(given: readonly Identifier[]) {
    this.#of = actorsOf(given)
  }

  /** Where the events of one actor are counted. Undefined: nobody need count them. */
  of(id: string | null, email: string | null): ActorSum | undefined {
    if (id === null || this.#of === undefined) return undefined
    const one = this.#of(id, email)
    const key = `${one.actor_id}\0${one.identifier}`
    const sum = this.#sums.get(key) ?? { ...one, events: 0 }
    this.#sums.set(key, sum)
    return sum
  }

  get all(): readonly ActorSum[] {
    return [...this.#sums.values()]
  }
}

/** Undefined where it is one person: nobody but whom was given, or one other actor, whom the address alone leads to. */
export function sharedBy(actors: readonly Counted[]): Shared | undefined {
  const others = new Map<string, bigint>()
  let isGivenThere = false
  for (const { actor_id: id, events } of actors) {
    if (id === null) isGivenThere = true
    else others.set(id, (others.get(id) ?? 0n) + BigInt(events))
  }
  if (others.size === 0 || (others.size === 1 && !isGivenThere)) return undefined
  const addresses = new Set(actors.flatMap(({ identifier }) => identifier ?? []))
  const events = [...others.values()].reduce((sum, count) => sum + count, 0n)
  return { others, events, addresses: [...addresses].sort((a, b) => Number(a) - Number(b)) }
}

/** Throws `usage`, with no address and no id in it. */
export function refuseShared(actors: readonly Counted[], nothing: string): void {
  const shared = sharedBy(actors)
  if (shared === undefined) return
  throw new TrailError("usage", sharedWords(shared), { hint: `${nothing}; ${whatToDo}` })
}

/** In words, without anybody's id. */
export const sharedWords = ({ others, events, addresses }: Shared): string =>
  `${addressWords(addresses)} not the subject's alone: ${plural(others.size, "other actor")}, not given as an identifier, did ${plural(String(events), "event")} with it`

const whatToDo =
  "pgtrail gdpr find tells their ids: --also id=ID where one is the same person, else leave the address out: it goes from his own events all the same"

const most = 20

/** For whoever looks before anything is done: who they are. */
export function sharedNote(actors: readonly FoundActor[]): string[] {
  const shared = sharedBy(actors)
  if (shared === undefined) return []
  const ids = [...shared.others.keys()].sort()
  const of = ids.slice(0, most).map((id) => `${quoted(id)} (${byOrganization(actors, id)})`)
  const left = ids.length - of.length
  return [
    `${sharedWords(shared)}: ${of.join(", ")}${left > 0 ? `, and ${grouped(left)} others, of whom --json tells` : ""}; to export, erase, pseudonymize or restrict: --also id=ID where one is the same person, else leave the address out`,
  ]
}

function byOrganization(actors: readonly FoundActor[], id: string): string {
  const sums = new Map<string, bigint>()
  for (const { actor_id: of, organization_id: name, events } of actors) {
    if (of === id) sums.set(name, (sums.get(name) ?? 0n) + BigInt(events))
  }
  return [...sums].map(([name, events]) => `${plural(String(events), "event")} in ${quoted(name)}`).join(", ")
}

/** Of pg_temp.pgtrail_found. */
export async function actorsFound(
  client: ClientBase,
  given: readonly Identifier[],
): Promise<readonly FoundActor[]> {
  const actorOf = actorsOf(given)
  if (actorOf === undefined) return []
  const { rows } = await client.query<{
    organization: string
    id: string
    email: string | null
    events: string
  }>(
    `select e.organization_id as organization, e.actor_id as id, e.actor_email as email, count(*) as events
     from pg_temp.pgtrail_found e where e.as_actor and e.actor_id is not null group by 1, 2, 3`,
  )
  return rows.map(({ organization, id, email, events }) => ({
    organization_id: organization,
    ...actorOf(id, email),
    events,
  }))
}

/** Of the log alone, for what finds no events itself: a restriction. Not within a transaction. Throws `usage`. */
export async function refuseSharedInLog(
  client: Client,
  given: readonly Identifier[],
  scope: SubjectScope,
  nothing: string,
): Promise<void> {
  if (actorsOf(given) === undefined) return
  const actors: FoundActor[] = []
  for (const partition of await partitionsIn(client, scope)) {
    await client.query("begin isolation level read committed")
    try {
      await stageSubject(client, given)
      if (await viewInPartition(client, partition, scope)) actors.push(...(await actorsFound(client, given)))
    } catch (error) {
      // One that was dropped meanwhile has no events.
      if ((error as { code?: unknown }).code !== "42P01" || error instanceof TrailError) throw error
    } finally {
      await client.query("rollback").catch(() => undefined)
    }
  }
  refuseShared(actors, nothing)
}

const form = (text: string): string => text.normalize("NFC").toLowerCase()

const addressWords = (addresses: readonly string[]): string =>
  addresses.length === 0
    ? "an e-mail address among the identifiers is"
    : addresses.length === 1
      ? `the e-mail address that is identifier ${addresses[0]} is`
      : `the e-mail addresses that are the identifiers ${addresses.join(", ").replace(/, ([^,]*)$/, " and $1")} are`
