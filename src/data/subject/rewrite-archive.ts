// Writes the rows of an archive that were redacted into a new one, which says whose place it takes.
import { PassThrough } from "node:stream"
import type { Client } from "pg"
import { to as copyTo } from "pg-copy-streams"
import { removeFiles } from "../archive/files.js"
import { nameOf } from "../archive/record.js"
import { type WrittenArchive, writeArchive } from "../archive/write.js"
import { eventColumns } from "../event-columns.js"
import { writeTime } from "../query/columns.js"
import { type ArchiveAccess, inPlace, NotInPlace, type Place } from "./archive-stage.js"

export interface Rewriting {
  /** In the transaction whose stage has the rows. */
  readonly client: Client
  readonly place: Place
  readonly redaction: ArchiveAccess
}

/** Into the same place, under a name of its own; throws with nothing of it left there. */
export async function writeAnew({
  client,
  place,
  redaction,
}: Rewriting): Promise<{ readonly name: string; readonly archive: WrittenArchive }> {
  const { row, manifest, store } = place
  const facts = await factsOf(client)
  const name = nameOf(row.partition, facts.time)
  const { partition, organization, due, since, until } = manifest
  const [file] = manifest.files
  const archive = await inPlace(() =>
    writeArchive(
      store,
      stageRows(client),
      {
        name,
        log_id: facts.logId,
        log_ids: facts.logIds,
        incarnation: facts.incarnation,
        database: facts.database,
        created_by: facts.user,
        created_at: facts.time,
        partition,
        organization,
        due,
        since,
        until,
        replaces: { name: row.name, manifest_sha256: row.manifest },
      },
      {
        ...(file === undefined ? {} : { level: file.gzip.level }),
        recipients: file?.age?.recipients ?? [],
        signal: redaction.signal,
        progress: () => redaction.progress?.(`writing ${name}`),
      },
    ),
  )
  if (archive.records === manifest.records) return { name, archive }
  await removeFiles(store, name)
  throw new NotInPlace("its events are not the ones that left the log: it was altered")
}

async function factsOf(client: Client) {
  const { rows } = await client.query<Record<string, string>>(
    `select l.log_id, l.incarnation, current_database() as database, session_user as user, clock_timestamp() as time from pgtrail.log l`,
  )
  const { rows: ids } = await client.query<{ log_id: string }>(
    "select i.log_id from pgtrail.incarnation i order by i.number desc",
  )
  const { log_id: logId = "", incarnation = "", database = "", user = "", time = "" } = rows[0] ?? {}
  const logIds = [...new Set([logId, ...ids.map((one) => one.log_id)])]
  return { logId, logIds, incarnation, database, user, time: writeTime(time) }
}

/** The rows of the stage. Where the place takes no more, the rest of them is let run dry: the connection is needed after. */
async function* stageRows(client: Client): AsyncGenerator<Buffer> {
  const rows = client.query(
    copyTo(`copy (select ${eventColumns.join(", ")} from only pg_temp.pgtrail_restored) to stdout`),
  )
  const out = rows.pipe(new PassThrough())
  rows.on("error", (error) => out.destroy(error))
  const ended = new Promise<void>((resolve) =>
    rows
      .once("close", resolve)
      .once("end", resolve)
      .once("error", () => resolve()),
  )
  try {
    for await (const chunk of out) yield chunk as Buffer
  } finally {
    rows.unpipe(out)
    rows.resume()
    await ended
  }
}

/** The last copies of these values are about to go: what was read back must be there still. */
export async function refuseGone({ store }: Place, { files, bytes }: WrittenArchive): Promise<void> {
  let there = 0n
  for (const key of files) there += (await inPlace(() => store.size(key))) ?? 0n
  if (there !== bytes) throw new NotInPlace("what was written there in its place is not there any more")
}
