// Archives in words, for people and for the mail of cron.
import { size } from "../status/facts.js"
import { plural, visible } from "../words.js"
import type { ArchiveFailure } from "./failure.js"
import type { ListedArchive } from "./list.js"
import type { ArchivePolicy, ArchiveRun } from "./options.js"
import type { RemovedArchive } from "./remove.js"
import type { ExpiredArchives } from "./remove-expired.js"
import type { RestoredArchive } from "./restore.js"

/** What went and where to; below it what stayed, and why, where anything did. */
export function describeRun(run: ArchiveRun): string {
  const { dry_run: isDry, archives, events, bytes, acts, partitions, failed, location } = run
  const first =
    events === "0"
      ? `nothing ${isDry ? "would be" : "was"} archived`
      : isDry
        ? `would archive ${plural(events, "event")} of ${plural(partitions.filter((one) => one.events !== "0").length, "partition")} to ${visible(location)}`
        : `archived ${plural(events, "event")} in ${plural(archives, "archive")}, ${size(bytes)}; ${size(run.bytes_freed)} given back; ${actsInWords(acts)}`
  return [
    `${run.ended_at} archive: ${first}`,
    ...(run.nothing_because === null ? [] : [`  ${visible(run.nothing_because)}`]),
    ...partitions.flatMap(({ archive, events: count, location: where }) =>
      archive === null ? [] : [`  ${archive}: ${plural(count, "event")} at ${visible(where)}`],
    ),
    ...summed(partitions.flatMap(({ policies }) => policies)).map(policyWords),
    ...staying(run),
    ...failed.map(({ partition, message }) => `  not archived: ${partition}: ${visible(message)}`),
  ].join("\n")
}

function staying(run: ArchiveRun): string[] {
  const { held, cases, fresh, fresh_until, unsound, partitions_left } = run
  const named = cases.slice(0, 5).map(visible).join(", ")
  const more = cases.length > 5 ? ` and ${plural(cases.length - 5, "other")}` : ""
  return [
    ...(held === "0"
      ? []
      : [
          `${plural(held, "event")} held, and ${held === "1" ? "stays" : "stay"} in the table; holds in force: ${named}${more}`,
        ]),
    ...(fresh === "0"
      ? []
      : [
          `${plural(fresh, "event")} ${fresh === "1" ? "waits" : "wait"} for the grace, until ${fresh_until}`,
        ]),
    ...(unsound === "0"
      ? []
      : [
          `${plural(unsound, "event")} ${unsound === "1" ? "does not verify, and stays" : "do not verify, and stay"} in the table`,
        ]),
    ...(partitions_left === "0" ? [] : [`${plural(partitions_left, "partition")} not looked at`]),
  ].map((line) => `  ${line}`)
}

/** What to do next about what a run left. */
export function adviceOf({ unsound, failed, outcome, dry_run }: ArchiveRun): string | undefined {
  const advice = [
    ...(unsound === "0"
      ? []
      : ["events that do not verify are evidence: pgtrail verify says what is wrong with them"]),
    ...(failed.length === 0 || dry_run
      ? []
      : [
          "of what was not archived nothing left the table; it is noted, and tried again by the next pgtrail archive create --due",
        ]),
    ...(outcome === "limit" && !dry_run ? ["it stopped at its limit; run it again for the rest"] : []),
  ]
  return advice.length === 0 ? undefined : advice.join("\n  ")
}

/** Each policy once, with the latest of its cutoffs. */
function summed(all: readonly ArchivePolicy[]): ArchivePolicy[] {
  const sums = new Map<string, ArchivePolicy>()
  for (const one of all) {
    const key = JSON.stringify([one.policy, one.archive_after_days])
    const known = sums.get(key) ?? { ...one, events: "0" }
    const cutoff = known.cutoff < one.cutoff ? one.cutoff : known.cutoff
    sums.set(key, { ...one, cutoff, events: String(BigInt(known.events) + BigInt(one.events)) })
  }
  return [...sums.values()]
}

const policyWords = ({ policy, cutoff, events }: ArchivePolicy): string =>
  `  ${visible(policy)}: ${plural(events, "event")} before ${cutoff}`

const actsInWords = (acts: readonly string[]): string =>
  acts.length === 1 ? `act ${acts[0]}` : `acts ${acts[0]} to ${acts.at(-1)}`

export function describeRestored(done: RestoredArchive): string {
  const { name, events, schema_name: schema, partitions, location } = done
  const where = schema === null ? "into the log" : `into ${visible(schema)}.event, beside the log`
  return [
    `restored ${plural(events, "event")} of ${name} ${where}, from ${visible(location)}`,
    ...(partitions.length === 0 ? [] : [`  made for them: ${partitions.join(", ")}`]),
    ...(schema === null
      ? [
          done.stays_until === null
            ? "  retention and archive create --due may take them again at once; a hold keeps them: pgtrail hold add"
            : `  retention and archive create --due leave them until ${done.stays_until}; a hold keeps them longer: pgtrail hold add`,
        ]
      : [
          ...(done.schema_made ? [`  made the schema ${visible(schema)}, which there was not`] : []),
          `  the log itself is unchanged; when the table is not needed any more: drop table ${visible(done.table_name ?? "")}`,
        ]),
  ].join("\n")
}

export function describeRemoved(done: RemovedArchive): string {
  const { name, location, act, again, elsewhere, files, events } = done
  const from = `from ${visible(location)}`
  if (again) {
    return files === 0
      ? `${name} was removed before, by act ${act}; nothing of it is left at ${visible(location)}`
      : `${name} was removed before, by act ${act}; took away what was left of it: ${plural(files, "file")} ${from}`
  }
  if (act === null) return `removed the orphan ${name}: ${plural(files, "file")} ${from}`
  return [
    `removed ${name} with ${plural(events ?? "0", "event")}: ${plural(files, "file")} ${from}`,
    ...(files === 0 ? ["  no file of it was there"] : []),
    ...(elsewhere === null
      ? []
      : [
          `  it was put at ${visible(elsewhere)}, where nobody looked; what is left there: pgtrail archive remove ${name} --confirm ${name}`,
        ]),
  ].join("\n")
}

export function describeExpired({ dry_run: isDry, removed, held, foreign, failed }: ExpiredArchives): string {
  return [
    removed.length === 0
      ? `no archive ${isDry ? "would be" : "was"} removed`
      : `${isDry ? "would remove" : "removed"} ${plural(removed.length, "archive")} past ${removed.length === 1 ? "its" : "their"} keep`,
    ...removed.map(
      ({ name, act, kept_until, files, location }) =>
        `  ${name}, kept until ${kept_until}${act === null ? "" : `, act ${act}`}${isDry || files > 0 ? "" : `; no file of it was at ${visible(location)}`}`,
    ),
    ...held.map(({ name, message }) => `  held: ${told(name, message)}`),
    ...foreign.map(
      ({ name, message }) => `  left alone: ${name}: it may be another log's: ${visible(message)}`,
    ),
    ...(foreign.length === 0 ? [] : ["  what lies at a place and is this log's goes with --at PLACE"]),
    ...failed.map(({ name, message }) => `  not removed: ${told(name, message)}`),
  ].join("\n")
}

/** Many a message begins with the name. */
const told = (name: string, message: string): string =>
  message.includes(name) ? visible(message) : `${name}: ${visible(message)}`

/** What stands below the list of what could not be archived. */
export function noteFailures(failed: readonly ArchiveFailure[]): string {
  const [first] = failed
  if (first === undefined) return "there is nothing that could not be archived"
  const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`
  const { partition, location } = first
  return [
    "each is tried again by the next pgtrail archive create --due",
    `one is forgotten when it is archived elsewhere: pgtrail archive create --partition ${visible(partition)} --to PLACE`,
    `or when it is given up: select pgtrail.forget_archive_failure(${visible(literal(partition))}, ${visible(literal(location))})`,
  ].join("\n")
}

/** What stands below the list of what lies at a place. */
export function noteListed(
  listed: readonly ListedArchive[],
  at: string | undefined,
  isAll = false,
): string | undefined {
  if (listed.length === 0 && at === undefined) return "no archive is recorded: pgtrail archive create"
  if (at === undefined) {
    const removed = listed.filter((row) => row.state === "removed").length
    return removed === listed.length && !isAll
      ? `no archive is in force; ${removed} removed: --all`
      : undefined
  }
  const missing = listed.filter((row) => row.found === false && row.state !== "removed")
  const left = listed.filter((row) => row.found === true && row.state === "removed")
  const orphans = listed.filter((row) => row.state === "orphan")
  const some = (rows: readonly ListedArchive[]): string =>
    rows
      .slice(0, 3)
      .map(({ name }) => name)
      .join(", ") + (rows.length > 3 ? " ..." : "")
  const notes = [
    ...(missing.length === 0
      ? []
      : [
          `${plural(missing.length, "archive")} should be there and ${missing.length === 1 ? "is" : "are"} not: ${some(missing)}`,
        ]),
    ...(left.length === 0
      ? []
      : [
          `${plural(left.length, "archive")} removed by an act and still there: ${some(left)}; pgtrail archive remove takes ${left.length === 1 ? "it" : "them"} away`,
        ]),
    ...(orphans.length === 0
      ? []
      : [
          `${plural(orphans.length, "orphan")}: no act of this log tells of ${orphans.length === 1 ? "it" : "them"}; another log may own ${orphans.length === 1 ? "it" : "them"}; pgtrail archive remove NAME --confirm NAME --at PLACE`,
        ]),
  ]
  return notes.length === 0 ? undefined : notes.join("\n  ")
}
