// After a restore: what of the pseudonymizations that a register lists came back, and whom they were about. It only reads.
import type { Client } from "pg"
import { withTransaction } from "../connection.js"
import { isReplaced } from "./found.js"
import type { Identifier } from "./identifiers.js"
import { type ListedKey, listPrivacyKeys, namedKey, type PrivacyKeys } from "./keys.js"
import type { PrivacyKey } from "./privacy-key.js"
import { archivesWithListed, type ListedArchive } from "./reapply-archives.js"
import { list, listErased } from "./reapply-list.js"
import { timesOf } from "./reapply-own.js"
import { recognized } from "./reapply-recognize.js"
import { type Pseudonymization, registeredPlaces } from "./register-read.js"
import { partitionsIn } from "./stage.js"

/** What of one of them is in this log. Counts are of events, but `places` and `already`. */
export interface BackPseudonymization extends Pseudonymization {
  readonly places: bigint
  /** Redacted in this log already, or on the list of an erasure. */
  readonly already: bigint
  /** To be given their pseudonym again. */
  readonly back: bigint
  readonly held: bigint
  readonly unsound: bigint
  /** Not in the log any more, or in an archive. */
  readonly gone: bigint
  readonly hasTags: boolean
  /** Its pseudonym in each organization. */
  readonly byOrganization: ReadonlyMap<string, string>
}

export interface Inspected {
  readonly entries: readonly BackPseudonymization[]
  readonly keys: ReadonlyMap<string, PrivacyKey>
  /** As the log knows them, by their names. */
  readonly known: ReadonlyMap<string, ListedKey>
  /** Identifiers by their keyed hashes. */
  readonly identifiers: ReadonlyMap<string, Identifier>
  readonly archives: readonly ListedArchive[]
}

export interface Inspecting {
  readonly register: string
  readonly entries: readonly Pseudonymization[]
  /** What is erased before, and passed over: in a dry run nothing tells yet that it is done. */
  readonly before?: Parameters<typeof listErased>[2] | undefined
  readonly keys: PrivacyKeys
  readonly signal?: AbortSignal | undefined
  readonly progress?: ((doing: string) => void) | undefined
}

interface Sums {
  places: bigint
  missing: bigint
  hasTags: boolean
  readonly byOrganization: Map<string, string>
}

export function inspect(client: Client, inspecting: Inspecting): Promise<Inspected> {
  const { register, entries, before, signal, progress } = inspecting
  return withTransaction(client, "begin isolation level read committed", async () => {
    await client.query("select pgtrail.subject_stage()")
    if (before !== undefined) await listErased(client, register, before, { signal })
    const times = timesOf(entries)
    const sums = new Map<string, Sums>()
    const listing = { times, once: true, signal, progress }
    await list(client, registeredPlaces(register, new Set(times.keys())), listing, (line, counts) => {
      const of = sums.get(line.id) ?? { places: 0n, missing: 0n, hasTags: false, byOrganization: new Map() }
      of.places += counts.places
      of.missing += counts.missing
      of.hasTags ||= line.content.includes("tags")
      of.byOrganization.set(line.organization, line.token ?? "")
      sums.set(line.id, of)
    })
    const partitions =
      entries.some(({ id }) => (sums.get(id)?.missing ?? 0n) > 0n) === false
        ? []
        : await partitionsIn(client, {})
    for (const partition of partitions) {
      signal?.throwIfAborted()
      progress?.(`looking through ${partition}`)
      await client.query("select pgtrail.find_listed($1)", [partition])
    }
    const inLog = await countsOf(client, entries)
    const back = entries.map((entry): BackPseudonymization => {
      const { places, missing, hasTags, byOrganization } = sums.get(entry.id) ?? nothing
      const counts = inLog.get(entry.id) ?? noEvents
      return { ...entry, places, already: places - missing, hasTags, byOrganization, ...counts }
    })
    const isBack = back.filter((entry) => entry.back > 0n)
    const { known, keys } = await keysOf(client, inspecting.keys, isBack)
    const wanted = isBack.flatMap(({ key: id, subject }) => {
      const key = keys.get(id)
      return key === undefined ? [] : [{ key, hashes: subject }]
    })
    return {
      entries: back,
      keys,
      known,
      identifiers: await recognized(client, partitions, wanted, signal),
      archives: partitions.length === 0 ? [] : await archivesWithListed(client),
    }
  })
}

const nothing: Sums = { places: 0n, missing: 0n, hasTags: false, byOrganization: new Map() }

type Counts = Pick<BackPseudonymization, "back" | "held" | "unsound" | "gone">
const noEvents: Counts = { back: 0n, held: 0n, unsound: 0n, gone: 0n }

/** Of the plan, which knows no entries: they are told apart by the time until which their events were recorded. */
async function countsOf(
  client: Client,
  entries: readonly Pseudonymization[],
): Promise<ReadonlyMap<string, Counts>> {
  const { rows } = await client.query<Record<"id" | keyof Counts, string>>(
    `select g.id, count(*) filter (where ${isReplaced}) as back, count(*) filter (where p.held) as held,
       count(*) filter (where not p.sound and not p.held) as unsound, count(*) filter (where p.seq is null) as gone
     from unnest($1::text[], $2::timestamptz[]) g (id, time)
     join lateral (
       select distinct l.organization_id, l.lane, l.seq from pg_temp.pgtrail_listed l where l.recorded_until = g.time
     ) l on true
     left join pg_temp.pgtrail_plan p on p.organization_id = l.organization_id and p.lane = l.lane and p.seq = l.seq
     group by 1`,
    [entries.map(({ id }) => id), entries.map(({ time }) => time)],
  )
  return new Map(
    rows.map(({ id, back, held, unsound, gone }) => [
      id,
      { back: BigInt(back), held: BigInt(held), unsound: BigInt(unsound), gone: BigInt(gone) },
    ]),
  )
}

/** Those that are needed and at hand. Nothing is asked of the others: whoever has nothing to do needs no key. */
async function keysOf(
  client: Client,
  given: PrivacyKeys,
  entries: readonly Pseudonymization[],
): Promise<Pick<Inspected, "keys" | "known">> {
  const needed = new Set(entries.map(({ key }) => key))
  const only = { ...given, ids: given.ids.filter((id) => needed.has(id)) }
  const known = new Map(
    (needed.size === 0 ? [] : await listPrivacyKeys(client, only)).map((key) => [key.key_id, key]),
  )
  const keys = new Map<string, PrivacyKey>()
  for (const { key_id: id, state, here } of known.values()) {
    if (here === "yes" && state !== "destroyed") keys.set(id, await namedKey(client, only, id))
  }
  return { keys, known }
}
