// Archives in a request of a subject: their rows are loaded as a restore loads them, searched as a partition is, and taken back.
import type { Client } from "pg"
import { whyStays } from "../archive/files.js"
import { type ConnectionTarget, withClient } from "../connection.js"
import { plural } from "../words.js"
import {
  type ArchiveAccess,
  type ArchivePlanning,
  archivesIn,
  inPlace,
  opened,
  type Place,
  planOf,
  staged,
  whyNot,
} from "./archive-stage.js"
import { type Found, nothingFound, readFound } from "./found.js"
import type { Identifier } from "./identifiers.js"
import { removedBytes } from "./removed-archives.js"
import type { SubjectScope } from "./stage.js"

export { type ArchiveAccess, type ArchivePlanning, planOf } from "./archive-stage.js"
export type { ArchiveRedacted } from "./archive-told.js"
export { redactArchives, redactArchivesBy } from "./redact-archives.js"

export interface Visit<T> extends ArchivePlanning, ArchiveAccess, SubjectScope {
  /** Reads pg_temp.pgtrail_plan and pg_temp.pgtrail_restored. The transaction is rolled back after. */
  visit(client: Client, archive: string, place: Place): Promise<T>
  /** What is to be looked for after that transaction. */
  after?(client: Client, place: Place, result: T): Promise<T>
}

export interface VisitedArchive<T> {
  readonly archive: string
  readonly location: string
  readonly searched: boolean
  /** Why it was not searched, or what of it nobody can tell. */
  readonly why: string | null
  /** Until when rules of retention keep it: "infinity" for ever. */
  readonly until: string | null
  /** Null where it was not searched. */
  readonly result: T | null
}

export interface ArchiveFound extends Omit<VisitedArchive<Found>, "result"> {
  readonly found: Found
  /** Why what was found would stay there though an erasure wrote it anew, or stays since one did: the place lets go of nothing. In words. */
  readonly stays: string | null
}

/** Those whose files are there, also of archives that came back into the log; oldest first. What cannot be read is told, and is no error. */
export async function* findInArchives(
  target: ConnectionTarget,
  identifiers: readonly Identifier[],
  options: SubjectScope & ArchiveAccess,
): AsyncGenerator<ArchiveFound> {
  const plan = planOf(identifiers, options)
  const visited = visitArchives<Pick<ArchiveFound, "found" | "stays">>(target, {
    ...options,
    ...plan,
    async after(client, place, result) {
      if (result.stays !== null) return result
      const stands = result.found.events.length > 0
      const kept = await removedBytes(client, place, { ...options, ...plan, stands })
      return kept.length === 0 ? result : { ...result, stays: kept.map(({ why }) => why).join("; ") }
    },
    visit: async (client, name, { store }) => {
      const found = await readFound(client, identifiers)
      const stays = found.events.length === 0 ? undefined : await inPlace(() => whyStays(store, name))
      return { found, stays: stays === undefined ? null : `${stays.why}; ${stays.next}` }
    },
  })
  for await (const { result, ...archive } of visited) {
    yield { ...archive, ...(result ?? { found: nothingFound, stays: null }) }
  }
}

export async function* visitArchives<T>(
  target: ConnectionTarget,
  visit: Visit<T>,
): AsyncGenerator<VisitedArchive<T>> {
  for (const row of await archivesIn(target, visit)) {
    visit.signal?.throwIfAborted()
    visit.progress?.(`reading ${row.name}`)
    const about = { archive: row.name, location: row.location, until: row.kept }
    try {
      const { result, left } = await withClient(target, (client) =>
        opened(target, row, visit, async (place) => {
          const { result: seen, left: stale } = await look(client, place, visit)
          return { result: (await visit.after?.(client, place, seen)) ?? seen, left: stale }
        }),
      )
      yield { ...about, searched: true, why: left, result }
    } catch (error) {
      yield { ...about, searched: false, why: whyNot(error, visit.signal), result: null }
    }
  }
}

async function look<T>(
  client: Client,
  place: Place,
  visit: Visit<T>,
): Promise<{ readonly result: T; readonly left: string | null }> {
  await client.query("begin isolation level read committed")
  try {
    const { changed, stale } = await staged(client, place, visit)
    await visit.plan(client, `archive ${place.row.name}`)
    const old = BigInt(changed) + BigInt(stale)
    const left =
      old === 0n
        ? null
        : `${plural(String(old), "event")} of it ${old === 1n ? "was" : "were"} redacted in the log, and not in its files`
    return { result: await visit.visit(client, place.row.name, place), left }
  } finally {
    await client.query("rollback").catch(() => undefined)
  }
}
