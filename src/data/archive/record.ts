// Purges what an archive has and records it, if the database comes to the same events under its lock; or takes the files away.
import { randomBytes } from "node:crypto"
import type { Client } from "pg"
import { performAct } from "../act/perform.js"
import type { SigningKey } from "../checkpoint/note.js"
import { type ConnectionTarget, withTransaction } from "../connection.js"
import { TrailError } from "../errors.js"
import { retried } from "../partition/change.js"
import type { PurgeMethod } from "../retention/run-options.js"
import type { Store } from "../store/store.js"
import { removeFiles } from "./files.js"
import type { ArchiveJob } from "./job.js"
import type { ArchiveOptions } from "./options.js"
import { isUnsettled, settledAct, UnsettledError } from "./settle.js"
import type { WrittenArchive } from "./write.js"

export interface Work {
  readonly target: ConnectionTarget
  readonly client: Client
  readonly store: Store
  readonly options: ArchiveOptions
  readonly key: SigningKey | undefined
}

type Counts = Record<"events" | "held" | "unsound" | "bytes_freed" | "fresh", string>
export type Answer = Counts & {
  readonly seq: string | null
  readonly method: PurgeMethod
  readonly fresh_until: string | null
  /** JSON, as in the act. */
  readonly policies: string | null
  /** What it would have let go, where that is not what was written. */
  readonly places: string | null
}

/** What would go; nothing does. */
export const judge = (
  { client, options }: Pick<Work, "client" | "options">,
  job: ArchiveJob,
  at: string,
): Promise<Answer> =>
  retried(options, () =>
    withTransaction(client, "begin isolation level read committed", () =>
      purge({ client, options }, job, { name: nameOf(job.partition, at), at, archive: undefined }),
    ),
  )

interface Recording {
  readonly name: string
  readonly at: string
  readonly archive: WrittenArchive | undefined
}

/**
 * Purges and records, or takes the files away: never before it is certain that no act tells of them. Undefined where something was
 * decided meanwhile, again and again.
 */
export async function record(work: Work, job: ArchiveJob, recording: Recording): Promise<Answer | undefined> {
  const { client, key, options, store } = work
  let answer: Answer | undefined
  try {
    await retried(options, () =>
      performAct(client, key, async () => {
        answer = await purge(work, job, recording)
        if (answer.seq !== null && recording.archive !== undefined) await refuseGone(store, recording.archive)
        return answer.seq
      }),
    )
  } catch (error) {
    const isRecorded = isUnsettled(error) && (await act(work, recording.name)) !== null
    if (isRecorded && answer !== undefined) return answer
    if (!isRecorded) await removeFiles(store, recording.name)
    if ((error as { code?: string }).code === "40001") return undefined
    throw error
  }
  if (answer === undefined) throw new Error("pgtrail.purge_partition returned nothing")
  return answer
}

/** Since they were read back somebody may have taken them for an orphan's, or the place may be another now: these are the last copies. */
async function refuseGone(store: Store, { manifest, files, bytes }: WrittenArchive): Promise<void> {
  let there = 0n
  for (const key of files) there += (await store.size(key)) ?? 0n
  if (there === bytes) return
  throw new TrailError(
    "file",
    `the files of ${manifest.name} at ${store.location} are not as they were written`,
    {
      hint: "nothing was purged; somebody may have removed them: run it again",
    },
  )
}

/** Where nobody can be asked, the files stay. */
async function act({ target, options, store }: Work, name: string): Promise<string | null> {
  return settledAct(target, name, "act_seq", options.patienceMs ?? 30_000).catch((cause: unknown) => {
    throw new UnsettledError(name, store.location, cause)
  })
}

async function purge(
  { client, options }: Pick<Work, "client" | "options">,
  job: ArchiveJob,
  { name, at, archive }: Recording,
): Promise<Answer> {
  const { rows } = await client.query<Answer>(
    `select seq, events, method, held, unsound, bytes_freed, fresh, fresh_until, policies, places
     from pgtrail.purge_partition($1, $2, organization => $3, patience => $4::interval, requested_by => $5, dry_run => $6,
       archive => $7::jsonb)`,
    [
      job.partition,
      job.reason,
      job.organization,
      `${options.patienceMs ?? 30_000} milliseconds`,
      job.requested_by,
      options.dryRun === true,
      JSON.stringify({
        name,
        location: job.location,
        manifest: archive?.manifestSha256 ?? null,
        bytes: Number(archive?.bytes ?? 0n),
        records: archive?.records ?? null,
        at,
        due: job.due,
        since: job.since,
        until: job.until,
      }),
    ],
  )
  const [answer] = rows
  if (answer === undefined) throw new Error("pgtrail.purge_partition returned nothing")
  return answer
}

/** Of the partition and the time, and no other's by chance. */
export const nameOf = (partition: string, at: string): string =>
  `${partition}-${at.slice(0, 19).replaceAll(/[-:]/g, "")}Z-${randomBytes(3).toString("hex")}`
