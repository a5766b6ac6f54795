// Archives that a redaction has written anew before, and whose bytes the place has kept: what they have of a subject is there still.
import type { Client } from "pg"
import { manifestName } from "../archive/manifest.js"
import { readArchiveManifest } from "../archive/read.js"
import type { KeptBytes, Stays, Store } from "../store/store.js"
import {
  type ArchiveAccess,
  type ArchivePlanning,
  inPlace,
  NotInPlace,
  type Place,
  staged,
} from "./archive-stage.js"
import type { Left } from "./archive-told.js"

export interface RemovedSearch extends ArchivePlanning, ArchiveAccess {
  /** The subject stands in the one in force, and therefore in all that were before. */
  readonly stands: boolean
  /** Names of those that were told already. */
  readonly told?: readonly string[] | undefined
}

/** In words, the newest last. Outside of a transaction; what is wrong with the place is told too, and throws nothing. */
export async function removedBytes(client: Client, place: Place, search: RemovedSearch): Promise<Left[]> {
  const { store } = place
  const names = store.kept === undefined ? [] : await namesBefore(client, place)
  const left: Left[] = []
  let { stands } = search
  for (const name of names) {
    if (search.told?.includes(name) === true) continue
    try {
      const kept = await inPlace(async () => store.kept?.(name, `${place.row.name}/${manifestName}`))
      if (kept === undefined) continue
      // What went from one went from those after it: the oldest that is there has all.
      stands ||= await standsIn(client, place, { name, kept }, search)
      if (!stands) break
      left.push({ name, why: keptWords(store, name, kept.stays) })
    } catch (error) {
      if (!(error instanceof NotInPlace)) throw error
      const why = `${name} was removed, and nobody could see whether its bytes are gone: ${error.message}`
      left.push({ name, why })
    }
  }
  return left
}

interface Old {
  readonly name: string
  readonly kept: KeptBytes
}

export const keptWords = ({ location }: Store, name: string, { why, next }: Stays): string =>
  `${name} was removed, and its bytes stay in ${location}: ${why}; ${next}`

/** The oldest first. Acts tell of all, and its manifest of the last, also where a restore has lost the acts. */
async function namesBefore(client: Client, { row, manifest }: Place): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `with recursive a as (
       select m.parameters #>> '{archive,name}' as name, m.parameters #>> '{archive,archive}' as before from pgtrail.act m
       where m.organization_id = 'pgtrail' and m.kind = 'redact' and m.parameters #>> '{archive,location}' = $2
     ), b as (
       select $1::text as name, 0 as step
       union select coalesce(a.before, case b.step when 0 then $3 end), b.step + 1 from b left join a on a.name = b.name
       where coalesce(a.before, case b.step when 0 then $3 end) is not null and b.step < 1000
     )
     select b.name from b where b.step > 0 and not exists (select from pgtrail.archive r where r.name = b.name) order by b.step desc`,
    [row.name, row.location, manifest.replaces?.name ?? null],
  )
  return rows.map(({ name }) => name)
}

/** Whether the subject is in the old one; true where nobody can read it. */
async function standsIn(
  client: Client,
  place: Place,
  { name, kept }: Old,
  search: RemovedSearch,
): Promise<boolean> {
  const { get } = kept
  // What came back into the log would take the place of what stood there.
  if (get === undefined || place.row.restored_act !== null) return true
  const store: Store = { ...place.store, get }
  await client.query("begin isolation level read committed")
  try {
    const { manifest } = await inPlace(() => readArchiveManifest(store, name, search))
    await staged(client, { ...place, store, manifest }, search)
    await search.plan(client, `archive ${place.row.name}`)
    const { rows } = await client.query<{ stands: string }>(
      "select exists (select from pg_temp.pgtrail_plan) as stands",
    )
    return rows[0]?.stands !== "f"
  } catch (error) {
    if (error instanceof NotInPlace) return true
    throw error
  } finally {
    await client.query("rollback").catch(() => undefined)
  }
}
