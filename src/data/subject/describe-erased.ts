// The receipt of an erasure, and what a register brought back, in words for people.
import { grouped, plural, visible } from "../words.js"
import { casesWords, keptWords } from "./describe-found.js"
import { pseudonymizationLines } from "./describe-reapplied.js"
import type { KnownBackup } from "./known-backups.js"
import type { Reapplied } from "./reapply.js"
import type { ReapplyArchive } from "./reapply-archives.js"
import type { ErasedField, Receipt } from "./receipt.js"
import type { ArchiveRedacted } from "./redact-archives.js"

const stayWords = (events: string): string =>
  events === "1" ? "1 event stays as it is" : `${plural(events, "event")} stay as they are`

const width = 12
const line = (name: string, value: string): string => `${name.padEnd(width)}${value}`

export function describeReceipt(receipt: Receipt): string {
  const { act, events, fields, kept, held, unsound, frame, archives, copies, register } = receipt
  return [
    act === null
      ? `nothing in the log was to be erased${written(archives)}`
      : `erased in ${plural(events, "event")} of ${plural(receipt.organizations.length, "organization")}, recorded as act ${act}`,
    ...(receipt.request === null ? [] : [line("request", visible(receipt.request))]),
    ...receipt.earlier.map(({ act: before, time, events: of, archive }) =>
      line(
        "before",
        `act ${before} of ${time} erased in ${plural(of, "event")}${archive === null ? "" : ` of archive ${visible(archive)}`}`,
      ),
    ),
    ...fieldsLine("who did it", fields, "identity"),
    ...fieldsLine("what it was", fields, "content"),
    ...kept.map(({ law, events: of }) => lawLine(plural(of, "event"), law)),
    ...(held.events === "0" ? [] : [line("held", `${stayWords(held.events)}${casesWords(held)}`)]),
    ...(unsound === "0"
      ? []
      : [line("unsound", `${stayWords(unsound)}: not as appended, which is evidence`)]),
    ...frame.map(({ field, events: of }) =>
      line("stays", `${field} of ${plural(of, "event")}: the chain needs it as it is`),
    ),
    ...receipt.named.map((words) => line("stays", words)),
    ...receipt.proof.map((words) => line("proof", words)),
    line("method", methodWords(receipt)),
    ...archives.flatMap((archive) => [line("archive", redactedWords(archive)), ...archivedLaws(archive)]),
    ...receipt.failed.map((words) => line("failed", visible(words))),
    ...receipt.limits.map((words) => line("note", visible(words))),
    ...(act === null && archives.every((archive) => archive.act === null)
      ? []
      : [copies.wal, ...copies.elsewhere, copies.backups].map((words) => line("copies", words))),
    ...backupLines(copies.known_backups),
    ...(register === null ? unregistered(receipt) : [line("register", `sha256 ${register}`)]),
    receipt.complete ? completeWords(receipt) : "incomplete: the request stays open",
  ].join("\n")
}

/** More would hide what stands below; the receipt has all. */
const mostBackups = 12

function backupLines(backups: readonly KnownBackup[]): string[] {
  const left = backups.length - mostBackups
  return [
    ...backups.slice(0, mostBackups).map((backup) => line("backup", backupWords(backup))),
    ...(left > 0 ? [line("backup", `and ${plural(left, "other")}: the receipt and --json have all`)] : []),
  ]
}

const backupWords = ({ name, location, at, until, kept, seen }: KnownBackup): string =>
  [
    `${visible(name)} in ${visible(location)}, of ${at}, has them`,
    kept ? "until somebody releases it (pgtrail backup keep)" : until === null ? "" : `until ${until}`,
    seen ? "" : "if it is still there: nobody could look",
  ]
    .filter((words) => words !== "")
    .join(" ")

/** What was erased all the same. */
function written(archives: Receipt["archives"]): string {
  const done = archives.filter((archive) => archive.act !== null)
  if (done.length === 0) return ""
  const events = done.reduce((sum, archive) => sum + BigInt(archive.events), 0n)
  return `; erased in ${plural(String(events), "event")} of ${plural(done.length, "archive")}`
}

/** Where something was erased. */
const unregistered = ({ act, archives }: Receipt): string[] =>
  act === null && archives.every((archive) => archive.act === null)
    ? []
    : [
        line(
          "register",
          "none: whoever restores a backup of before brings the values back, and nothing tells (--register)",
        ),
      ]

/** Of an archive: what became of it, and why it may still have values. */
export const redactedWords = ({ archive, new_name: name, why, until, events }: ArchiveRedacted): string =>
  [
    visible(archive),
    ...(name === null ? [] : [`${plural(events, "event")}, written anew as ${visible(name)}`]),
    ...(why === null ? [] : [`still has values: ${visible(why)}${keptWords(until)}`]),
  ].join(": ")

const lawLine = (events: string, law: string): string =>
  line("kept by law", `${events} (${visible(law)}): a token that leads nowhere stands for the subject`)

/** Under the line of the archive: which laws keep events of it, by such tokens. */
const archivedLaws = ({ archive, new_name: name, laws }: ArchiveRedacted): string[] =>
  laws.map(({ law, events }) => lawLine(`${plural(events, "event")} of ${visible(name ?? archive)}`, law))

function completeWords({ proof, searched }: Receipt): string {
  const { organizations, since, until } = searched
  const isNarrow = organizations !== null || since !== null || until !== null
  return [
    `complete: ${isNarrow ? "of what was searched " : ""}nothing is left that was to go`,
    ...(proof.length === 0 ? [] : ["what is proof cannot go"]),
  ].join("; ")
}

function fieldsLine(name: string, fields: readonly ErasedField[], group: ErasedField["group"]): string[] {
  const of = fields.filter((field) => field.group === group)
  return of.length === 0
    ? []
    : [line(name, of.map(({ field, events }) => `${field} ${grouped(events)}`).join(", "))]
}

function methodWords({ method, remains }: Receipt): string {
  if (remains === null) {
    return "logical: no query returns the values; their bytes stay in files of the tables until those are written anew (--physical)"
  }
  const { partitions, statistics, left } = remains
  const done = partitions.filter(({ why }) => why === null).length
  const failed = partitions.flatMap(({ name, why }) => (why === null ? [] : [`${name}: ${visible(why)}`]))
  return [
    `${method}: ${plural(done, "partition")} written anew${statistics ? ", statistics too" : ""}`,
    ...failed,
    ...left.map(visible),
  ].join("; ")
}

export function describeReapplied(done: Reapplied): string {
  const { dry_run: isDry, erasures, places, already, events, gone, held, unsound, foreign } = done
  return [
    `the register lists ${plural(erasures.length, "erasure")} of this log, in ${plural(places, "place")}${foreign === 0 ? "" : `, and ${foreign} of other logs`}`,
    line("already", `${plural(already, "place")} of them redacted in this log`),
    line(
      isDry ? "would" : "redacted",
      `${plural(events, "event")}${done.act === null ? "" : `, recorded as act ${done.act}`}`,
    ),
    ...(gone === "0"
      ? []
      : [line("gone", `${plural(gone, "event")} not in the log any more, or in an archive`)]),
    ...(held === "0" ? [] : [line("held", `${stayWords(held)}${casesWords(done.found)}`)]),
    ...(unsound === "0"
      ? []
      : [line("unsound", `${stayWords(unsound)}: not as appended, which is evidence`)]),
    ...pseudonymizationLines(done),
    ...done.archives.map(archiveWords),
    ...done.missing.map((words) => line("missing", visible(words))),
    done.complete
      ? "complete: nothing of what the register lists is left"
      : "incomplete: what is left is told above",
  ].join("\n")
}

const leftWords = (left: readonly string[], location: string): string =>
  left.length === 0
    ? ""
    : `; what was written in between lies there still, and may have values that were erased later: ${left.map((name) => `pgtrail archive remove ${visible(name)} --confirm ${visible(name)} --at ${visible(location)}`).join(", ")}`

/** The log has the names of before: the erasure may have written the files anew, under another one. */
function archiveWords({
  archive,
  location,
  events,
  restored,
  files,
  replaced_by: by,
  left,
}: ReapplyArchive): string {
  const name = visible(archive)
  const place = visible(location)
  const first = `${name} in ${place} still has values of ${plural(events, "event")}`
  const restore = `pgtrail archive restore ${name}, then this once more`
  if (files === "replaced")
    return line(
      "archive",
      `${name} is not in ${place} any more: an erasure wrote ${visible(by ?? "")} in its place, without the values, which this log does not know; keep it: a backup of after the erasure knows it, ` +
        `and for this log a copy of the files of ${name} is needed: put them back, then ${restore}${leftWords(left, location)}`,
    )
  if (files === "gone")
    return line(
      "archive",
      `${name} is not in ${place}, and nothing that was written in its place: where its files are now they have values of ${plural(events, "event")}; put them back, then ${restore}`,
    )
  return line(
    "archive",
    restored
      ? `${first}, which came back into the log: pgtrail archive remove ${name}`
      : `${first}${files === "there" ? "" : ", as far as this log knows: nobody could look there"}: ${restore}`,
  )
}
