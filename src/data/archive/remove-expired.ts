// Removes the archives that no rule of retention keeps any more. For cron: what a rule says needs no confirmation.

import type { Client } from "pg"
import { readSigningKey } from "../checkpoint/note.js"
import { type ConnectionTarget, withClient } from "../connection.js"
import { TrailError } from "../errors.js"
import { lock } from "../purge/refusals.js"
import { writeTime } from "../query/columns.js"
import { toTrailError } from "../server-errors.js"
import type { Store, StoreContext } from "../store/store.js"
import { openPlace } from "./files.js"
import { knownArchives } from "./find.js"
import type { ArchiveRow } from "./options.js"
import { refuseUnable } from "./refusals.js"
import { type RemovedArchive, removeRecorded } from "./remove.js"
import { whyForeign } from "./remove-foreign.js"

export interface RemoveExpiredOptions {
  readonly reason?: string | undefined
  readonly requestedBy?: string | undefined
  /** A private signing key, as text; signs the acts. */
  readonly key?: string | undefined
  readonly store?: StoreContext | undefined
  /** A location, as readLocation gives it: what was put there is this log's, whatever its manifests say. */
  readonly at?: string | undefined
  /** Removes nothing, and tells what would go. */
  readonly dryRun?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  readonly progress?: ((doing: string) => void) | undefined
}

export interface ExpiredArchives {
  readonly dry_run: boolean
  readonly removed: readonly (RemovedArchive & { readonly kept_until: string })[]
  /** What a hold may be on. */
  readonly held: readonly { readonly name: string; readonly message: string }[]
  /** What may be another log's, of which this one is a copy, and why. */
  readonly foreign: readonly { readonly name: string; readonly message: string }[]
  /** What could not be removed, and why. */
  readonly failed: readonly { readonly name: string; readonly message: string }[]
}

/** Throws `busy`, `privilege`, `config` without a key, `read-only`. */
export function removeExpired(
  target: ConnectionTarget,
  options: RemoveExpiredOptions = {},
): Promise<ExpiredArchives> {
  const key = options.key === undefined ? undefined : readSigningKey(options.key)
  return withClient(target, async (client) => {
    const dryRun = options.dryRun === true
    await refuseUnable(client, {
      calls: "remove_archive",
      nothing: "nothing was removed",
      key: options.key,
      readOnly: dryRun,
    })
    await lock(client)
    const removed: ExpiredArchives["removed"][number][] = []
    const found: Record<"held" | "foreign" | "failed", Named[]> = { held: [], foreign: [], failed: [] }
    const stores = new Map<string, Store>()
    try {
      for (const { row, keptUntil } of await expired(client)) {
        options.signal?.throwIfAborted()
        options.progress?.(`removing ${row.name}`)
        try {
          const store = stores.get(row.location) ?? (await openPlace(target, row.location, options.store))
          stores.set(row.location, store)
          const why = row.location === options.at ? undefined : await whyForeign(client, store, row)
          if (why !== undefined) {
            found.foreign.push({ name: row.name, message: why })
            continue
          }
          if (dryRun) {
            const plain = {
              name: row.name,
              location: row.location,
              act: null,
              again: false,
              elsewhere: null,
              files: 0,
            }
            removed.push({ ...plain, events: row.events, bytes: row.bytes, kept_until: keptUntil })
            continue
          }
          const given = { ...options, reason: options.reason ?? "past its keep", expired: true }
          removed.push({
            ...(await removeRecorded(client, store, row, given, key)),
            kept_until: keptUntil,
          })
        } catch (error) {
          const known = toTrailError(error)
          if (!(known instanceof TrailError) || ends.has(known.code)) throw known
          // The rules were changed, or somebody removed it meanwhile.
          if (known.sqlstate === "TR013" || known.sqlstate === "TR011") continue
          const list = known.code === "held" ? found.held : found.failed
          list.push({ name: row.name, message: known.message })
        }
      }
    } finally {
      for (const store of stores.values()) await store.close().catch(() => undefined)
    }
    return { dry_run: dryRun, removed, ...found }
  })
}

interface Named {
  readonly name: string
  readonly message: string
}

const ends: ReadonlySet<string> = new Set(["connection-lost", "cancelled", "config"])

async function expired(client: Client): Promise<{ row: ArchiveRow; keptUntil: string }[]> {
  const { rows } = await client.query<{ act: string; until: string }>(
    `select a.act_seq as act, k.until from pgtrail.archive a, lateral (select pgtrail.archive_until(a.act_seq, clock_timestamp()) as until) k
     where a.removed_seq is null and k.until < clock_timestamp()`,
  )
  const until = new Map(rows.map((row) => [row.act, writeTime(row.until)]))
  const all = await knownArchives(client, "a.act_seq = any ($1::bigint[])", [rows.map(({ act }) => act)])
  return all.map((row) => ({ row, keptUntil: until.get(row.act) ?? "" }))
}
