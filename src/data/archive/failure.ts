// What could not be archived: noted until it could, with what was asked for, so that the next run tries it again.
import type { ClientBase } from "pg"
import { parametersOf, word } from "../act/about.js"
import { writeTime } from "../query/columns.js"
import type { ArchiveJob, Asked } from "./job.js"

export interface ArchiveFailure {
  readonly partition: string
  readonly location: string
  /** Why, the last time. */
  readonly reason: string
  readonly failures: string
  readonly first_failed_at: string
  readonly last_failed_at: string
  readonly original: Asked
}

export type NotedFailure = Pick<ArchiveFailure, "partition" | "location" | "original">

/** Oldest first. */
export async function archiveFailures(client: ClientBase): Promise<ArchiveFailure[]> {
  const { rows } = await client.query<Record<string, string>>(
    `select f.partition_name, f.location, f.reason, f.failure_count, f.first_failed_at, f.last_failed_at, f.original
     from pgtrail.archive_failure f order by f.first_failed_at, f.partition_name, f.location`,
  )
  return rows.map((row) => ({
    partition: row.partition_name ?? "",
    location: row.location ?? "",
    reason: row.reason ?? "",
    failures: row.failure_count ?? "",
    first_failed_at: writeTime(row.first_failed_at ?? ""),
    last_failed_at: writeTime(row.last_failed_at ?? ""),
    original: readOriginal(row.original ?? "{}"),
  }))
}

/** pgtrail's own, but a row that any operator can write: what does not fit is left out. */
function readOriginal(text: string): Asked {
  const given = parametersOf(JSON.parse(text))
  const textOrNull = (name: string): string | null => (typeof given[name] === "string" ? given[name] : null)
  const { level, recipients } = given
  return {
    due: given.due === true,
    since: textOrNull("since"),
    until: textOrNull("until"),
    organization: textOrNull("organization"),
    reason: textOrNull("reason") ?? "archive",
    requested_by: textOrNull("requested_by"),
    recipients: Array.isArray(recipients) ? recipients.map(word) : [],
    level: typeof level === "number" ? level : null,
  }
}

/** Whether what failed is done where `job` is, wherever either was to go. */
export function isAnswered(failure: NotedFailure, job: ArchiveJob): boolean {
  if (failure.partition !== job.partition) return false
  if (failure.location === job.location && job.due === failure.original.due) return true
  const isOrganization = job.organization === null || job.organization === failure.original.organization
  return isOrganization && job.since === null && job.until === null && (!job.due || failure.original.due)
}

/** A failure that cannot be noted must not hide what it was: whoever runs it hears of it anyway. */
export async function noteFailure(
  client: ClientBase,
  { partition, location, ...original }: ArchiveJob,
  reason: string,
): Promise<void> {
  await client
    .query("select pgtrail.note_archive_failure($1, $2, $3, $4::jsonb)", [
      partition,
      location,
      reason.slice(0, 2000),
      JSON.stringify(original),
    ])
    .catch(() => undefined)
}

export async function forgetFailure(
  client: ClientBase,
  { partition, location }: Pick<ArchiveJob, "partition" | "location">,
): Promise<void> {
  await client
    .query("select pgtrail.forget_archive_failure($1, $2)", [partition, location])
    .catch(() => undefined)
}
