// Archives what is to leave one partition: writes its rows where they are to stand, reads them back, and only then purges them, if the
// database comes to the same events under its lock.
import type { Client } from "pg"
import { fixedTarget, withClient } from "../connection.js"
import { TrailError } from "../errors.js"
import { beginSnapshot } from "../export/facts.js"
import { writeTime } from "../query/columns.js"
import { grouped, plural } from "../words.js"
import { removeFiles } from "./files.js"
import type { ArchiveJob } from "./job.js"
import type { ArchivedPartition, ArchivePolicy } from "./options.js"
import { askPlaces, copyRows, eventsOf, type LanePlaces, readPlaces } from "./places.js"
import { type Answer, judge, nameOf, record, type Work } from "./record.js"
import { type WrittenArchive, writeArchive } from "./write.js"

/** So often are files written anew because other events were to go than stood in them. */
const mostFiles = 3

/** Throws where nothing went: then no file of it is left, or the message says which. */
export async function archivePartition(work: Work, job: ArchiveJob): Promise<ArchivedPartition> {
  const { client, options } = work
  if (options.dryRun === true) return told(job, await judge(work, job, await clock(client)))
  let places: readonly LanePlaces[] | undefined
  let at = await clock(client)
  for (let attempt = 0; attempt < mostFiles; attempt += 1) {
    const name = nameOf(job.partition, at)
    const archive = await write(work, job, { name, at, places })
    const answer =
      archive === undefined ? await judge(work, job, at) : await record(work, job, { name, at, archive })
    if (answer !== undefined) {
      if (answer.seq !== null && archive !== undefined) return told(job, answer, name, archive)
      if (archive !== undefined) await removeFiles(work.store, name)
      places = readPlaces(answer.places)
      if (places.length === 0) return told(job, { ...answer, events: "0", method: "none" })
    } else {
      // What was decided meanwhile may let other events go.
      at = await clock(client)
      places = undefined
    }
    options.progress?.(`${job.partition}: what is to go is not what it was, once more`)
  }
  throw new TrailError(
    "retry",
    `the events that ${job.partition} is to let go changed each time they were written`,
    { hint: "nothing of it was purged, and its files were taken away; run it again" },
  )
}

interface Attempt {
  readonly name: string
  readonly at: string
  /** Those that the database itself told; undefined: they are still to be asked for. */
  readonly places: readonly LanePlaces[] | undefined
}

/** Undefined where there is nothing to write, or a row does not verify: then the database has to judge. */
async function write(
  work: Work,
  job: ArchiveJob,
  { name, at, places }: Attempt,
): Promise<WrittenArchive | undefined> {
  const { store, options } = work
  return withClient(fixedTarget(work.target), async (reader) => {
    const facts = await beginSnapshot(reader)
    const going = places ?? (await askPlaces(reader, job, at))
    if (going.length === 0) return undefined
    const { rows } = await reader.query<Record<"name" | "since" | "until", string | null>>(
      `select p.name, case when not p.is_default then p.since end as since, case when not p.is_default then p.until end as until
       from pgtrail.partitions() p where p.name = $1`,
      [job.partition],
    )
    const [partition] = rows
    if (partition === undefined) throw gone(job.partition)
    const total = eventsOf(going)
    try {
      return await writeArchive(
        store,
        copyRows(reader, job.partition, going),
        {
          name,
          log_id: facts.logId,
          log_ids: facts.logIds,
          incarnation: facts.incarnation,
          database: facts.database,
          created_by: facts.user,
          created_at: facts.time,
          partition: {
            name: job.partition,
            since: writeTime(partition.since),
            until: writeTime(partition.until),
          },
          organization: job.organization,
          due: job.due,
          since: job.since,
          until: job.until,
        },
        {
          ...(job.level === null ? {} : { level: job.level }),
          recipients: job.recipients,
          signal: options.signal,
          progress: (events) =>
            options.progress?.(
              `${job.partition}: ${grouped(events)} of ${plural(String(total), "event")} written`,
            ),
        },
      )
    } catch (error) {
      if (isEmpty(error) || (places === undefined && isUnsound(error))) return undefined
      throw error
    }
  })
}

const isUnsound = (error: unknown): boolean => error instanceof TrailError && error.code === "broken"

/** They went meanwhile. */
const isEmpty = (error: unknown): boolean => error instanceof TrailError && error.code === "not-found"

const gone = (partition: string): TrailError =>
  new TrailError("not-found", `there is no partition ${partition} any more`, { hint: "nothing was archived" })

async function clock(client: Client): Promise<string> {
  const { rows } = await client.query<{ at: string }>("select clock_timestamp() as at")
  return writeTime(rows[0]?.at ?? "")
}

function told(
  job: ArchiveJob,
  answer: Answer,
  name: string | null = null,
  archive?: WrittenArchive,
): ArchivedPartition {
  return {
    partition: job.partition,
    archive: name,
    location: job.location,
    method: answer.method ?? "none",
    act: answer.seq,
    events: answer.events ?? "0",
    bytes: archive === undefined ? null : String(archive.bytes),
    bytes_freed: answer.bytes_freed ?? "0",
    held: answer.held ?? "0",
    unsound: answer.unsound ?? "0",
    fresh: answer.fresh ?? "0",
    fresh_until: writeTime(answer.fresh_until ?? null),
    policies: readPolicies(answer.policies),
  }
}

/** `policies` of an act or of a dry run: pgtrail's own, no evidence. */
function readPolicies(json: string | null): ArchivePolicy[] {
  const found: { policy: string; archive_after: number; cutoff: string; events: number }[] =
    json === null ? [] : JSON.parse(json)
  return found.map(({ policy, archive_after, cutoff, events }) => ({
    policy,
    archive_after_days: String(archive_after),
    cutoff,
    events: String(events),
  }))
}
