// The archives that the log knows of.
import type { ClientBase } from "pg"
import { TrailError } from "../errors.js"
import { near } from "../near.js"
import { writeTime } from "../query/columns.js"
import type { ArchiveRow } from "./options.js"

/** Oldest events first; of those alone that `condition` lets through, in which `$1` is `value`. */
export async function knownArchives(
  client: ClientBase,
  condition = "true",
  values: readonly unknown[] = [],
): Promise<ArchiveRow[]> {
  const { rows } = await client.query<Record<keyof ArchiveRow, string>>(
    `select a.act_seq as act, a.name, a.location, a.partition_name as partition, a.since, a.until, a.events, a.bytes,
       encode(a.manifest, 'hex') as manifest, a.oldest_occurred_at as oldest, a.newest_occurred_at as newest,
       case when a.removed_seq is not null then 'removed' when a.restored_seq is not null then 'restored' else 'archived' end as state,
       a.restored_seq as restored_act, a.removed_seq as removed_act
     from pgtrail.archive a where ${condition} order by a.oldest_occurred_at, a.act_seq`,
    [...values],
  )
  return rows.map((row) => {
    const times = Object.fromEntries(timeColumns.map((column) => [column, writeTime(row[column])]))
    return { ...row, ...times } as unknown as ArchiveRow
  })
}

const timeColumns = ["since", "until", "oldest", "newest"] as const

/** Throws `not-found`; `nothing` says what was not done, empty where nothing would have been. */
export async function findArchive(client: ClientBase, name: string, nothing = ""): Promise<ArchiveRow> {
  const [found] = await knownArchives(client, "a.name = $1", [name])
  if (found === undefined) throw await noArchive(client, name, nothing)
  return found
}

/** Archives differ in digits alone: of what is meant, only those of the same partition are told. */
export async function noArchive(client: ClientBase, name: string, nothing: string): Promise<TrailError> {
  const all = await knownArchives(client)
  const of = all.filter((row) => row.partition === name || row.name.startsWith(`${name}-`))
  const [meant] = near(
    name,
    all.map((row) => row.name),
    1,
  )
  const next =
    of.length === 1 && of[0] !== undefined
      ? `the archive of it is ${of[0].name}`
      : of.length > 1 || meant === undefined
        ? "pgtrail archive list"
        : `did you mean ${meant}?`
  return new TrailError("not-found", `there is no archive ${JSON.stringify(name)}`, {
    hint: nothing === "" ? next : `${nothing}; ${next}`,
  })
}
