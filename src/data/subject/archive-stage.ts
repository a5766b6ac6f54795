// The rows of an archive, loaded as a restore loads them, in a transaction that searches or redacts them there.
import type { Client } from "pg"
import { openPlace } from "../archive/files.js"
import { knownArchives } from "../archive/find.js"
import type { ArchiveManifest } from "../archive/manifest.js"
import type { ArchiveRow } from "../archive/options.js"
import { readArchiveManifest } from "../archive/read.js"
import { copyArchive } from "../archive/restore.js"
import { type ConnectionTarget, withClient } from "../connection.js"
import { TrailError } from "../errors.js"
import { writeTime } from "../query/columns.js"
import { toTrailError } from "../server-errors.js"
import type { Store, StoreContext } from "../store/store.js"
import type { Identifier } from "./identifiers.js"
import { actorsFound, type FoundActor, sharedBy, sharedWords } from "./shared-address.js"
import { findInPartition, type SubjectScope, stageSubject } from "./stage.js"

export interface ArchiveAccess {
  readonly store?: StoreContext | undefined
  /** Private keys of age, for files that are encrypted. */
  readonly identities?: readonly string[] | undefined
  readonly signal?: AbortSignal | undefined
  readonly progress?: ((doing: string) => void) | undefined
}

/** In a transaction, on its client. `partition` is `archive NAME`. */
export interface ArchivePlanning {
  stage(client: Client): Promise<void>
  plan(client: Client, partition: string): Promise<void>
  /** Before anything is changed: throws what is wrong with this archive alone. */
  refuse?(client: Client, partition: string): Promise<void>
}

/** `actors`: who did what the log has of the subject. */
export const planOf = (
  identifiers: readonly Identifier[],
  scope: SubjectScope,
  actors: readonly FoundActor[] = [],
): ArchivePlanning => ({
  stage: (client) => stageSubject(client, identifiers),
  plan: (client, partition) => findInPartition(client, partition, scope),
  // What is there of others stays, and of the subject too, until whoever asked says who is who.
  async refuse(client, partition) {
    await client.query("select pgtrail.subject_view($1)", [partition])
    const shared = sharedBy([...actors, ...(await actorsFound(client, identifiers))])
    if (shared !== undefined) throw new NotInPlace(`nothing of it was changed: ${sharedWords(shared)}`)
  },
})

export interface KnownArchive extends ArchiveRow {
  readonly kept: string | null
}

/** That may have events of the scope. */
export function archivesIn(target: ConnectionTarget, scope: SubjectScope): Promise<KnownArchive[]> {
  return withClient(target, async (client) => {
    const rows = await knownArchives(
      client,
      `a.removed_seq is null and ($1::timestamptz is null or a.newest_occurred_at >= $1)
       and ($2::timestamptz is null or a.oldest_occurred_at < $2) and ($3::text[] is null or exists (
         select from pgtrail.purge p where p.act_seq = a.act_seq and p.organization_id = any ($3)))`,
      [scope.since ?? null, scope.until ?? null, scope.organizations ?? null],
    )
    const { rows: kept } = await client.query<{ act: string; until: string | null }>(
      "select a.act_seq as act, pgtrail.archive_until(a.act_seq) as until from pgtrail.archive a where a.act_seq = any ($1)",
      [rows.map(({ act }) => act)],
    )
    const until = new Map(kept.map((one) => [one.act, writeTime(one.until)]))
    return rows.map((row) => ({ ...row, kept: until.get(row.act) ?? null }))
  })
}

export interface Place {
  readonly store: Store
  readonly row: KnownArchive
  readonly manifest: ArchiveManifest
}

export async function opened<T>(
  target: ConnectionTarget,
  row: KnownArchive,
  access: ArchiveAccess,
  work: (place: Place) => Promise<T>,
): Promise<T> {
  const store = await inPlace(() => openPlace(target, row.location, access.store))
  try {
    const { manifest, sha256 } = await inPlace(() => readArchiveManifest(store, row.name, access), row.name)
    if (sha256 !== row.manifest)
      throw new NotInPlace("its manifest is not the one that was recorded: it was altered")
    return await work({ store, row, manifest })
  } finally {
    await store.close().catch(() => undefined)
  }
}

/** Loads the rows in the transaction that is open. */
export async function staged(
  client: Client,
  { store, row, manifest }: Place,
  { identities, signal, progress, stage }: ArchiveAccess & ArchivePlanning,
): Promise<{ readonly changed: string; readonly stale: string }> {
  await stage(client)
  await client.query("select pgtrail.restore_stage()")
  await inPlace(() =>
    copyArchive(
      { client, store, manifest, options: { identities, signal, progress } },
      "pg_temp.pgtrail_restored",
    ),
  )
  const { rows } = await client.query<{ changed: string; stale: string }>(
    "select changed, stale from pgtrail.restage_archive($1)",
    [row.name],
  )
  return rows[0] ?? { changed: "0", stale: "0" }
}

/** What is wrong with the place or the files, and not with the request: the other archives have their turn. */
export class NotInPlace extends Error {}

/** `archive`: it is looked for, and may not be there. */
export async function inPlace<T>(work: () => Promise<T>, archive?: string): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const known = toTrailError(error)
    if (!(known instanceof TrailError) || ends.has(known.code)) throw known
    const isMissing =
      archive !== undefined && known.code === "not-found" && !known.message.startsWith("cannot")
    throw new NotInPlace(isMissing ? missing(archive, known) : wordsOf(known), { cause: error })
  }
}

const missing = (name: string, { message }: TrailError): string =>
  `${message}: put its files back, or where they are gone for good: pgtrail archive remove ${name} --confirm ${name} --reason WHY`

function wordsOf({ code, message, sqlstate }: TrailError): string {
  if (code === "config" && /encrypted/.test(message))
    return `${message}, and no key was given that opens it: --identity`
  // What PostgreSQL cannot read it repeats.
  return sqlstate?.startsWith("22") === true ? "its rows are no events: it was altered" : message
}

const ends: ReadonlySet<string> = new Set(["cancelled", "closed", "not-installed", "lock-timeout", "retry"])

/** Throws what no other archive could do either. */
export function whyNot(error: unknown, signal: AbortSignal | undefined): string {
  if (signal?.aborted === true || !(error instanceof NotInPlace)) throw error
  return error.message
}
