// The archives of a log, how long each is kept, and what really lies where they should be.

import type { Client } from "pg"
import { type ConnectionTarget, withClient } from "../connection.js"
import { writeTime } from "../query/columns.js"
import type { Store, StoreContext } from "../store/store.js"
import { openPlace } from "./files.js"
import { knownArchives } from "./find.js"
import { manifestName } from "./manifest.js"
import type { ArchiveRow } from "./options.js"

export interface ArchiveListOptions {
  /** Looks there, as readLocation gives it, for what is recorded there and for what is not recorded. */
  readonly at?: string | undefined
  readonly store?: StoreContext | undefined
  readonly signal?: AbortSignal | undefined
}

export interface ListedArchive extends Omit<ArchiveRow, "act" | "manifest" | "since" | "until" | "state"> {
  /** Null of an orphan. */
  readonly act: string | null
  /** `orphan`: it lies there and no act of this log tells of it. */
  readonly state: ArchiveRow["state"] | "orphan"
  /** Until when rules of retention keep it; "infinity" for ever; null where this role may not know, and of what is not there any more. */
  readonly kept_until: string | null
  /** Whether it lies there; null where nobody looked. */
  readonly found: boolean | null
}

/** Oldest events first, orphans last. */
export function listArchives(
  target: ConnectionTarget,
  options: ArchiveListOptions = {},
): Promise<ListedArchive[]> {
  return withClient(target, async (client) => {
    const rows = await knownArchives(client)
    const kept = await keptUntil(client)
    const listed = rows.map(
      ({ manifest: _, since: __, until: ___, ...row }): ListedArchive => ({
        ...row,
        kept_until: row.state === "removed" ? null : (kept.get(row.act) ?? null),
        found: null,
      }),
    )
    if (options.at === undefined) return listed
    const store = await openPlace(target, options.at, options.store)
    try {
      return await compared(store, listed, options)
    } finally {
      await store.close()
    }
  })
}

/** Those of the place, in its own copy or elsewhere: an archive may have been moved there. */
async function compared(
  store: Store,
  listed: readonly ListedArchive[],
  { signal }: ArchiveListOptions,
): Promise<ListedArchive[]> {
  const known = new Set(listed.map(({ name }) => name))
  const whole = new Set<string>()
  const bytes = new Map<string, bigint>()
  for await (const object of store.list("")) {
    signal?.throwIfAborted()
    const [name = "", file] = object.key.split("/")
    if (file === manifestName) whole.add(name)
    bytes.set(name, (bytes.get(name) ?? 0n) + object.bytes)
  }
  // A program that was killed may have left less than a file.
  for await (const object of store.unfinished("")) {
    const [name = ""] = object.key.split("/")
    bytes.set(name, (bytes.get(name) ?? 0n) + object.bytes)
  }
  const own = listed
    .filter(({ name, location }) => location === store.location || whole.has(name))
    .map((row) => ({ ...row, found: whole.has(row.name) }))
  // Other things than archives may lie there.
  const orphans = [...bytes].filter(([name]) => !known.has(name) && (whole.has(name) || form.test(name)))
  orphans.sort(([a], [b]) => (a < b ? -1 : 1))
  return [...own, ...orphans.map(([name, size]) => orphan(store, name, size))]
}

const form = /^(.+)-\d{8}T\d{6}Z-[0-9a-f]{6}$/

const orphan = (store: Store, name: string, bytes: bigint): ListedArchive => ({
  act: null,
  name,
  location: store.location,
  partition: form.exec(name)?.[1] ?? "",
  // What a file says of itself is not believed.
  events: "",
  bytes: String(bytes),
  oldest: "",
  newest: "",
  state: "orphan",
  restored_act: null,
  removed_act: null,
  kept_until: null,
  found: true,
})

async function keptUntil(client: Client): Promise<ReadonlyMap<string, string>> {
  const { rows: able } = await client.query<{ able: string | null }>(
    `select bool_or(has_function_privilege(p.oid, 'execute')) as able from pg_proc p
     where p.pronamespace = to_regnamespace('pgtrail') and p.proname = 'archive_until'`,
  )
  if (able[0]?.able !== "t") return new Map()
  const { rows } = await client.query<{ act: string; until: string }>(
    "select a.act_seq as act, pgtrail.archive_until(a.act_seq) as until from pgtrail.archive a where a.removed_seq is null",
  )
  return new Map(rows.map(({ act, until }) => [act, writeTime(until)]))
}
