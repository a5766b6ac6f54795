// Redacts in archives: each is written anew without the values, read back, put in the place of the old one by an act, and only then the old
// files go. Whoever is stopped in between leaves one of the two in force, and the other as an orphan, which the next run takes away, or tells.
import type { Client } from "pg"
import { performAct } from "../act/perform.js"
import { removeFiles, whyStays } from "../archive/files.js"
import { whyForeign } from "../archive/remove-foreign.js"
import { isUnsettled, settledAct, UnsettledError } from "../archive/settle.js"
import { type ConnectionTarget, withClient } from "../connection.js"
import { TrailError } from "../errors.js"
import { patienceOf, retried } from "../partition/change.js"
import { toTrailError } from "../server-errors.js"
import {
  type ArchiveAccess,
  type ArchivePlanning,
  archivesIn,
  NotInPlace,
  opened,
  type Place,
  planOf,
  staged,
  whyNot,
} from "./archive-stage.js"
import {
  type ArchiveRedacted,
  type Done,
  type Left,
  notAsInLog,
  nothing,
  type Planned,
  plannedFor,
  told,
} from "./archive-told.js"
import type { Identifier } from "./identifiers.js"
import { orphansIn, removeUnrecorded } from "./orphan-archives.js"
import type { Redaction } from "./redact.js"
import { keptWords, removedBytes } from "./removed-archives.js"
import { refuseGone, writeAnew } from "./rewrite-archive.js"
import type { FoundActor } from "./shared-address.js"
import { addIdentifiers } from "./stage.js"

export type { ArchiveRedacted } from "./archive-told.js"

export type ArchiveRedaction = Omit<Redaction, "recorded"> &
  ArchiveAccess & {
    /** Who did what the log has of the subject: of an archive alone nobody sees that an address is not his alone. */
    readonly actors?: readonly FoundActor[] | undefined
    /** Called last in each transaction, with the act that it will commit and its client. */
    readonly recorded?: ((act: string, client: Client) => Promise<void>) | undefined
  }

/** Those that have something of the subject, and those of which nobody can tell. One after the other, each by an act of its own. */
export const redactArchives = (
  target: ConnectionTarget,
  identifiers: readonly Identifier[],
  redaction: ArchiveRedaction,
): AsyncGenerator<ArchiveRedacted> =>
  redactArchivesBy(target, planOf(identifiers, redaction, redaction.actors), redaction)

/** The same for whatever finds the events. */
export async function* redactArchivesBy(
  target: ConnectionTarget,
  planning: ArchivePlanning,
  redaction: ArchiveRedaction,
): AsyncGenerator<ArchiveRedacted> {
  const rows = await archivesIn(target, redaction)
  // What is out of the log first: where events stand in two archives, the one in force decides what is put in the place of values.
  rows.sort((a, b) => Number(a.restored_act !== null) - Number(b.restored_act !== null))
  const left = new Set<string>()
  for (const row of rows) {
    redaction.signal?.throwIfAborted()
    redaction.progress?.(`reading ${row.name}`)
    let done: Done | undefined
    try {
      done = await withClient(target, (client) =>
        opened(target, row, redaction, (place) =>
          redactOne({ target, client, place, planning, redaction, left }),
        ),
      )
    } catch (error) {
      done = { ...nothing, why: whyNot(error, redaction.signal) }
    }
    if (done !== undefined) yield { archive: row.name, location: row.location, until: row.kept, ...done }
  }
  const locations = new Set(rows.map(({ location }) => location))
  for await (const orphan of orphansIn(target, locations, redaction, left)) yield { ...nothing, ...orphan }
}

interface Work {
  readonly target: ConnectionTarget
  readonly client: Client
  readonly place: Place
  readonly planning: ArchivePlanning
  readonly redaction: ArchiveRedaction
  /** Names of old ones that could not be taken away, which was told. */
  readonly left: Set<string>
}

/** Nothing is to be written: the transaction is given up. */
class NothingToWrite extends Error {
  readonly counts: Planned
  constructor(counts: Planned) {
    super("nothing is to be written")
    this.counts = counts
  }
}

async function redactOne(work: Work): Promise<Done | undefined> {
  const { client, place, redaction } = work
  const foreign = await whyForeign(client, place.store, place.row)
  if (foreign !== undefined) throw new NotInPlace(`its files may be another log's: ${foreign}`)
  const before = await removeReplaced(work)
  let written: Written | undefined
  try {
    await retried(redaction, () =>
      performAct(client, redaction.key, async () => {
        if (written !== undefined) await removeFiles(place.store, written.name)
        written = undefined
        written = await attempt(work)
        return written.act
      }),
    )
  } catch (error) {
    if (error instanceof NothingToWrite) {
      return told(place.row, undefined, error.counts, await keptBefore(work, error.counts, before))
    }
    const isRecorded =
      isUnsettled(error) && written !== undefined && (await settled(work, written.name)) !== null
    // An attempt that failed itself has taken its files away.
    if (!isRecorded) {
      if (written !== undefined) await removeFiles(place.store, written.name)
      throw error
    }
  }
  if (written === undefined) return undefined
  const after = await removeOld(work, place.row.name)
  const kept = await keptBefore(work, written.planned, [...before, ...after])
  return told(place.row, written, written.planned, kept)
}

/** What could not be taken away last: its files, or those of one before whose bytes the place keeps. */
async function keptBefore(
  { client, place, planning, redaction }: Work,
  { replaced, held, unsound }: Planned,
  left: readonly Left[],
): Promise<readonly Left[]> {
  const stands = replaced !== "0" || held !== "0" || unsound !== "0"
  const search = { ...redaction, ...planning, stands, told: left.map(({ name }) => name) }
  return [...(await removedBytes(client, place, search)), ...left]
}

interface Written {
  readonly name: string
  readonly act: string
  readonly events: string
  readonly planned: Planned
}

/** In the transaction: all but its commit. */
async function attempt(work: Work): Promise<Written> {
  const { client, place, planning, redaction } = work
  const { row } = place
  const partition = `archive ${row.name}`
  const { changed, stale } = await staged(client, place, { ...redaction, ...planning })
  if (stale !== "0") throw new NotInPlace(notAsInLog(row.name, stale))
  await client.query("select pgtrail.redact_begin($1::interval)", [patienceOf(redaction)])
  await addIdentifiers(client, (await redaction.alsoNamed?.(client)) ?? [])
  await planning.plan(client, partition)
  await planning.refuse?.(client, partition)
  const planned = await plannedFor(client)
  const isBack = row.restored_act !== null
  if (changed === "0" && (isBack || planned.replaced === "0")) throw new NothingToWrite(planned)
  // What came back into the log is redacted there, and these rows are as they are there.
  if (!isBack && planned.replaced !== "0") {
    redaction.progress?.(`redacting in ${row.name}`)
    const pseudonyms = await redaction.pseudonyms?.(planned.organizations, client)
    const replacements = pseudonyms === undefined ? null : JSON.stringify(Object.fromEntries(pseudonyms))
    await client.query("select pgtrail.redact_partition($1, $2, $3::jsonb)", [
      partition,
      redaction.strategy,
      replacements,
    ])
  }
  await removeUnrecorded(client, place)
  const { name, archive } = await writeAnew(work)
  try {
    const { rows } = await client.query<{ seq: string; events: string }>(
      "select seq, events from pgtrail.record_redaction($1, $2, $3, $4, $5, $6, $7, $8::jsonb, patience => $9::interval)",
      [
        redaction.strategy,
        redaction.reason,
        redaction.requestedBy ?? null,
        redaction.request ?? null,
        redaction.inText ?? false,
        redaction.since ?? null,
        redaction.until ?? null,
        JSON.stringify({
          archive: row.name,
          name,
          location: row.location,
          manifest: archive.manifestSha256,
          bytes: Number(archive.bytes),
        }),
        patienceOf(redaction),
      ],
    )
    await refuseGone(place, archive)
    const { seq = "", events = "0" } = rows[0] ?? {}
    await redaction.recorded?.(seq, client)
    return { name, act: seq, events, planned }
  } catch (error) {
    await removeFiles(place.store, name)
    throw error
  }
}

const settled = ({ target, place, redaction }: Work, name: string): Promise<string | null> =>
  settledAct(target, name, "act_seq", redaction.patienceMs ?? 30_000).catch((cause: unknown) => {
    throw new UnsettledError(name, place.store.location, cause)
  })

/** Who was stopped after the act left the old files. Says why they are still there. */
async function removeReplaced(work: Work): Promise<readonly Left[]> {
  const { client, place } = work
  const { replaces } = place.manifest
  if (replaces === null) return []
  const { rows } = await client.query("select from pgtrail.archive a where a.name = $1", [replaces.name])
  return rows.length > 0 ? [] : removeOld(work, replaces.name)
}

async function removeOld({ place: { store }, left }: Work, name: string): Promise<readonly Left[]> {
  try {
    const stays = await whyStays(store, name)
    await removeFiles(store, name, "")
    if (stays?.isNameless !== true) return []
    return [{ name, why: keptWords(store, name, stays) }]
  } catch (error) {
    const known = toTrailError(error)
    if (!(known instanceof TrailError)) throw known
    left.add(name)
    const next = `pgtrail archive remove ${name} --confirm ${name} --at ${store.location}`
    return [{ name, why: `${known.message}; when it can be: ${next}` }]
  }
}
