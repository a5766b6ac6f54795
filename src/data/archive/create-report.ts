// What a run of archiving tells in the end.
import type { Client } from "pg"
import { writeTime } from "../query/columns.js"
import { casesInForce } from "../retention/run-after.js"
import type { ArchiveJob } from "./job.js"
import type { ArchivedPartition, ArchiveFailed, ArchiveOptions, ArchiveRun } from "./options.js"
import { whyNothing } from "./why.js"

export interface Done {
  readonly startedAt: string
  /** Jobs that it did not come to. */
  readonly left: number
  readonly jobs: readonly ArchiveJob[]
  readonly partitions: readonly ArchivedPartition[]
  readonly failed: readonly ArchiveFailed[]
}

export async function reportOf(
  client: Client,
  options: ArchiveOptions,
  { startedAt, left, jobs, partitions, failed }: Done,
): Promise<ArchiveRun> {
  const { dryRun, to, organization, explain } = options
  const sum = (column: "events" | "bytes" | "bytes_freed"): string =>
    String(partitions.reduce((total, one) => total + BigInt(one[column] ?? "0"), 0n))
  const held = staying(partitions, "held")
  const until = partitions
    .map(({ fresh_until }) => fresh_until ?? "")
    .sort()
    .at(-1)
  const isNothing = partitions.length === 0 && failed.length === 0 && left === 0
  return {
    dry_run: dryRun === true,
    location: to,
    started_at: startedAt,
    ended_at: await clock(client),
    outcome: left > 0 ? "limit" : "done",
    archives: String(partitions.filter(({ archive }) => archive !== null).length),
    events: sum("events"),
    bytes: sum("bytes"),
    bytes_freed: sum("bytes_freed"),
    held,
    cases: held === "0" ? [] : await casesInForce(client, organization),
    unsound: staying(partitions, "unsound"),
    fresh: staying(partitions, "fresh"),
    fresh_until: until === undefined || until === "" ? null : until,
    partitions_left: String(left),
    acts: partitions.flatMap(({ act }) => (act === null ? [] : [act])),
    partitions,
    failed,
    nothing_because: isNothing && explain === true ? await whyNothing(client, options, jobs) : null,
  }
}

/** Events of a partition that stay are the same ones, however often it was asked for. */
function staying(partitions: readonly ArchivedPartition[], column: "held" | "unsound" | "fresh"): string {
  const most = new Map<string, bigint>()
  for (const one of partitions) {
    const [before, now] = [most.get(one.partition) ?? 0n, BigInt(one[column])]
    most.set(one.partition, now > before ? now : before)
  }
  return String([...most.values()].reduce((total, count) => total + count, 0n))
}

export async function clock(client: Client): Promise<string> {
  const { rows } = await client.query<{ at: string }>("select clock_timestamp() as at")
  return writeTime(rows[0]?.at ?? "")
}
