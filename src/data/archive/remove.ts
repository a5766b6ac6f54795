// Removes archives for good: the act is recorded first and committed last, so that no act tells of a removal that did not happen.
import type { Client } from "pg"
import { performAct } from "../act/perform.js"
import { readSigningKey, type SigningKey } from "../checkpoint/note.js"
import { type ConnectionTarget, withClient } from "../connection.js"
import { TrailError } from "../errors.js"
import { retried } from "../partition/change.js"
import { lock } from "../purge/refusals.js"
import type { Store, StoreContext } from "../store/store.js"
import { grouped, plural } from "../words.js"
import { openPlace, removeFiles } from "./files.js"
import { knownArchives, noArchive } from "./find.js"
import { manifestName } from "./manifest.js"
import type { ArchiveRow } from "./options.js"
import { refuseUnable } from "./refusals.js"
import { whyForeign } from "./remove-foreign.js"

export interface RemoveArchiveOptions {
  /** Of an archive that an act tells of. */
  readonly reason?: string | undefined
  readonly requestedBy?: string | undefined
  /** A private signing key, as text; signs the act. */
  readonly key?: string | undefined
  /** The archive's name once more. */
  readonly confirm?: string | undefined
  /**
   * Where it lies, as readLocation gives it, where that is not where it was put; there orphans are removed too. Says also that what lies
   * there is this log's, whatever its manifest says.
   */
  readonly at?: string | undefined
  readonly store?: StoreContext | undefined
  readonly signal?: AbortSignal | undefined
}

export interface RemovedArchive {
  readonly name: string
  readonly location: string
  /** Null of an orphan, of which no act tells. */
  readonly act: string | null
  /** It was removed before, and this took away what had been left of it. */
  readonly again: boolean
  /** Where it was put, where that is another place: nobody looked there, and its files may still be. */
  readonly elsewhere: string | null
  /** How many files it had there. */
  readonly files: number
  readonly events: string | null
  readonly bytes: string | null
}

const nothing = "nothing was removed"
const later = "its removal is not recorded; run it again"

/** Throws `not-found`, `usage` without the confirmation, `held` where a hold may be on one of its events, `config`, `privilege`, `read-only`. */
export function removeArchive(
  target: ConnectionTarget,
  name: string,
  options: RemoveArchiveOptions = {},
): Promise<RemovedArchive> {
  const key = options.key === undefined ? undefined : readSigningKey(options.key)
  return withClient(target, async (client) => {
    await refuseUnable(client, { calls: "remove_archive", nothing, key: options.key })
    const [row] = await knownArchives(client, "a.name = $1", [name])
    if (row === undefined && options.at === undefined) throw await noArchive(client, name, nothing)
    const location = options.at ?? row?.location ?? ""
    const store = await openPlace(target, location, options.store)
    try {
      if (row === undefined) {
        // One that is still being made looks like an orphan.
        await lock(client)
        return await removeOrphan(client, store, name, options)
      }
      refuseUnconfirmed(name, `${name}: ${plural(row.events, "event")}, ${grouped(row.bytes)} bytes`, options)
      if (options.at === undefined) await refuseForeign(client, store, row)
      // It may have been stopped between the act and the files, or they were put there again.
      if (row.removed_act !== null) {
        const files = await removeFiles(store, name, later)
        return { ...told(row, store, files), act: row.removed_act, again: true }
      }
      const { reason = "" } = options
      if (reason.trim() === "") {
        throw new TrailError("usage", "the removal of an archive takes a reason", {
          hint: `${nothing}; --reason "why"`,
        })
      }
      if (location !== row.location) await refuseAbsent(store, name, row)
      return await removeRecorded(client, store, row, { ...options, reason, expired: false }, key)
    } finally {
      await store.close()
    }
  })
}

/** Its act, then its files, then the commit: who is stopped in between finds it so, and does it again. */
export async function removeRecorded(
  client: Client,
  store: Store,
  row: ArchiveRow,
  options: Pick<RemoveArchiveOptions, "requestedBy" | "signal"> & {
    readonly reason: string
    readonly expired: boolean
  },
  key: SigningKey | undefined,
): Promise<RemovedArchive> {
  let files = 0
  const act = await retried(options, () =>
    performAct(client, key, async () => {
      const { rows } = await client.query<{ seq: string }>(
        "select pgtrail.remove_archive($1, $2, $3, $4) as seq",
        [row.name, options.reason, options.requestedBy ?? null, options.expired],
      )
      // In the database itself they go with the act, or stay with it.
      files =
        store.location === "table:"
          ? await removeStored(client, row.name)
          : await removeFiles(store, row.name, later)
      return rows[0]?.seq ?? null
    }),
  )
  return { ...told(row, store, files), act }
}

const told = (row: ArchiveRow, store: Store, files: number): RemovedArchive => ({
  name: row.name,
  location: store.location,
  act: null,
  again: false,
  elsewhere: store.location === row.location ? null : row.location,
  files,
  events: row.events,
  bytes: row.bytes,
})

async function removeStored(client: Client, name: string): Promise<number> {
  const { rows } = await client.query<{ gone: string }>(
    "select count(*) filter (where pgtrail.remove_stored(f.id)) as gone from pgtrail.stored_files($1) f",
    [`${name}/`],
  )
  return Number(rows[0]?.gone ?? 0)
}

/** No act of this log tells of it; another log, of which this one is a copy, may. */
async function removeOrphan(
  client: Client,
  store: Store,
  name: string,
  options: RemoveArchiveOptions,
): Promise<RemovedArchive> {
  const objects: string[] = []
  let bytes = 0n
  for await (const object of store.list(`${name}/`)) {
    objects.push(object.key)
    bytes += object.bytes
  }
  for await (const object of store.unfinished(`${name}/`)) objects.push(object.key)
  if (objects.length === 0) {
    const { hint } = await noArchive(client, name, nothing)
    throw new TrailError(
      "not-found",
      `there is no archive ${JSON.stringify(name)}, and nothing of that name at ${store.location}`,
      { hint },
    )
  }
  const what = `${name} at ${store.location}: ${grouped(bytes)} bytes, of which no act of this log tells, while another log may own them`
  refuseUnconfirmed(name, what, options)
  const files = await removeFiles(store, name, later)
  return {
    name,
    location: store.location,
    act: null,
    again: false,
    elsewhere: null,
    files,
    events: null,
    bytes: String(bytes),
  }
}

function refuseUnconfirmed(name: string, what: string, { confirm }: RemoveArchiveOptions): void {
  if (confirm === name) return
  const removes = `removes ${what}`
  throw new TrailError(
    "usage",
    confirm === undefined
      ? `this ${removes}, for ever`
      : `--confirm names ${JSON.stringify(confirm)}, and this ${removes}, for ever`,
    { hint: `${nothing}; if it is meant, run it again with --confirm ${name}` },
  )
}

/** Of a copy: what it does with the files, it does to the log that it was copied from. */
async function refuseForeign(client: Client, store: Store, row: ArchiveRow): Promise<void> {
  const why = await whyForeign(client, store, row)
  if (why === undefined) return
  throw new TrailError("usage", `the files of ${row.name} may be another log's: ${why}`, {
    hint: `${nothing}; a log that this one was copied from may need them. If they are this one's: --at ${store.location}`,
  })
}

/** A place that is not the recorded one must have it: else its files would stay where they are, and an act say that they are gone. */
async function refuseAbsent(store: Store, name: string, row: ArchiveRow): Promise<void> {
  if ((await store.size(`${name}/${manifestName}`)) !== undefined) return
  throw new TrailError("not-found", `${name} does not lie at ${store.location}`, {
    hint: `${nothing}; it was put at ${row.location}: leave --at out`,
  })
}
