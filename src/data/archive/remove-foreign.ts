// Whose files are they: a copy of a database knows the archives of the one that it was made of, and must not take their files away.
import type { Client } from "pg"
import { TrailError } from "../errors.js"
import { toTrailError } from "../server-errors.js"
import type { Store } from "../store/store.js"
import { visible } from "../words.js"
import { type ArchiveManifest, manifestName } from "./manifest.js"
import type { ArchiveRow } from "./options.js"
import { readArchiveManifest } from "./read.js"

/**
 * Why the files of a recorded archive may be another log's; undefined where nothing says so. What lies in the database itself was copied
 * with it. Throws what the store throws.
 */
export async function whyForeign(client: Client, store: Store, row: ArchiveRow): Promise<string | undefined> {
  if (store.location === "table:") return undefined
  const { made, here, log, database } = await factsOf(client, row)
  if (made !== null && here !== null && made !== here) {
    return `act ${row.act}, which made it, was recorded on another server`
  }
  const manifest = await manifestOf(store, row)
  if (manifest === undefined) return undefined
  if (manifest.log_id !== log)
    return `its ${manifestName} is of the log ${manifest.log_id}, and this one is ${log}`
  if (manifest.database !== database) {
    return `its ${manifestName} is of the database ${visible(manifest.database)}, and this one is ${visible(database)}`
  }
  return undefined
}

type Facts = Readonly<{ made: string | null; here: string | null; log: string; database: string }>

async function factsOf(client: Client, { act }: ArchiveRow): Promise<Facts> {
  // Some managed servers do not tell.
  const { rows: able } = await client.query<{ able: string }>(
    "select has_function_privilege('pg_catalog.pg_control_system()', 'execute') as able",
  )
  const here = able[0]?.able === "t" ? "(select s.system_identifier from pg_control_system() s)" : "null"
  const { rows } = await client.query<Facts>(
    `select a.system_identifier as made, ${here} as here, l.log_id as log, current_database() as database
     from pgtrail.log l left join pgtrail.act a on a.organization_id = 'pgtrail' and a.seq = $1`,
    [act],
  )
  const [facts] = rows
  if (facts === undefined) throw new Error("pgtrail.log has no row")
  return facts
}

/** Undefined where it is not there, or none any more: then it tells nothing. */
async function manifestOf(store: Store, { name }: ArchiveRow): Promise<ArchiveManifest | undefined> {
  try {
    return (await readArchiveManifest(store, name)).manifest
  } catch (error) {
    const known = toTrailError(error)
    if (known instanceof TrailError && silent.has(known.code)) return undefined
    throw known
  }
}

const silent: ReadonlySet<string> = new Set(["not-found", "file", "incomplete"])
