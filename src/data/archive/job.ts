// What is to be archived: partition by partition, oldest first, each with what was asked for of it.
import type { Client } from "pg"
import { TrailError } from "../errors.js"
import { find } from "../partition/change.js"
import { writeTime } from "../query/columns.js"
import { candidates } from "../retention/candidates.js"
import { type ArchiveFailure, archiveFailures } from "./failure.js"
import type { ArchiveOptions } from "./options.js"

/** What was asked for; also what a failure keeps, so that it can be tried again. */
export interface Asked {
  /** What policies say; else what occurred in this time, all where it has no ends. */
  readonly due: boolean
  readonly since: string | null
  readonly until: string | null
  readonly organization: string | null
  readonly reason: string
  readonly requested_by: string | null
  readonly recipients: readonly string[]
  readonly level: number | null
}

export interface ArchiveJob extends Asked {
  readonly partition: string
  readonly location: string
}

/** Throws `not-found` for a partition that there is not, and `usage` for that of today. */
export async function archiveJobs(client: Client, options: ArchiveOptions): Promise<ArchiveJob[]> {
  const asked = askedOf(options)
  if (options.due === true) {
    const due = await candidates(client, options.organization, { archives: true })
    const jobs = due.map(({ name }) => ({ ...asked, partition: name, location: options.to }))
    return [...jobs, ...(await failedBefore(client, options, jobs))]
  }
  const { partition } = options
  if (partition !== undefined) {
    const { name, isCurrent } = await find(client, partition)
    if (isCurrent) throw ofToday(name)
    return [{ ...asked, partition: name, location: options.to }]
  }
  return between(client, options, asked)
}

function askedOf(options: ArchiveOptions): Asked {
  return {
    due: options.due === true,
    since: options.since ?? null,
    until: options.until ?? null,
    organization: options.organization ?? null,
    reason: options.reason ?? "archive",
    requested_by: options.requestedBy ?? null,
    recipients: options.recipients ?? [],
    level: options.level ?? null,
  }
}

const ofToday = (name: string): TrailError =>
  new TrailError("usage", `${name} is the partition of today: it stays`, {
    hint: "nothing was archived; pgtrail archive create --due takes what policies let leave the table",
  })

/** The partitions that have a part of the time; where it has no end, those up to today's. */
async function between(client: Client, options: ArchiveOptions, asked: Asked): Promise<ArchiveJob[]> {
  const { rows } = await client.query<Record<"name" | "since" | "is_default" | "is_current", string>>(
    `select p.name, p.since, p.is_default, p.since <= now() and now() < p.until and not p.is_default as is_current
     from pgtrail.partitions() p
     where ($1::timestamptz is null or p.until > $1) and p.since < least($2::timestamptz, now())
     order by p.is_default, p.since, p.name`,
    [options.since ?? null, options.until ?? null],
  )
  const today = rows.find(({ is_current }) => is_current === "t")
  const end = today === undefined ? undefined : writeTime(today.since)
  // Both have one form and four digits of the year: text sorts like time.
  if (today !== undefined && end !== undefined && options.until !== undefined && options.until > end) {
    throw new TrailError(
      "usage",
      `--until ${options.until} is in ${today.name}, the partition of today, which stays`,
      {
        hint: `nothing was archived; run it again with --until ${end}`,
      },
    )
  }
  const until = asked.until ?? end ?? null
  return rows
    .filter(({ is_current }) => is_current !== "t")
    .map(({ name }) => ({ ...asked, until, partition: name, location: options.to }))
}

/** What failed before and is not among these: each as it was asked for then, and where. */
async function failedBefore(
  client: Client,
  options: ArchiveOptions,
  jobs: readonly ArchiveJob[],
): Promise<ArchiveJob[]> {
  const among = (failure: ArchiveFailure): boolean =>
    failure.original.due &&
    jobs.some(({ partition, location }) => partition === failure.partition && location === failure.location)
  return (await archiveFailures(client))
    .filter((failure) => !among(failure))
    .filter(
      ({ original }) => options.organization === undefined || original.organization === options.organization,
    )
    .map(({ partition, location, original }) => ({ ...original, partition, location }))
}
