// What a check of archives found, in words.
import { grouped, plural, shortTime, visible } from "../words.js"
import type { ArchiveFinding } from "./findings.js"
import type { ArchiveVerification, VerifiedArchive } from "./verify.js"

/** Of findings, and of archives of which nothing was found. */
const most = 20

export function describeArchives({ verdict, events, archives }: ArchiveVerification): string {
  const sound = archives.filter(({ findings }) => findings.length === 0)
  const others = archives.filter(({ findings }) => findings.length > 0)
  const shown = sound.slice(0, most)
  return [
    `${verdict}: ${plural(archives.length, "archive")}, ${plural(events, "event")} read`,
    ...others.flatMap((archive) => [lineOf(archive), ...findingsOf(archive)]),
    ...shown.map(lineOf),
    ...(sound.length > shown.length
      ? [
          `  and ${grouped(sound.length - shown.length)} more ${verdict === "whole" ? "whose files are whole" : "of which nothing was found"}`,
        ]
      : []),
  ].join("\n")
}

/** What the files alone cannot say. */
export const whatIsLeft =
  "whether a log purged exactly these events, and has no other archives, its acts say: pgtrail verify --archive PLACE"

function lineOf({
  name,
  verdict,
  events,
  oldest_occurred_at,
  newest_occurred_at,
  redacted,
  redacted_groups: groups,
}: VerifiedArchive): string {
  const [oldest, newest] = [oldest_occurred_at, newest_occurred_at].map((time) =>
    visible(shortTime(time) ?? ""),
  )
  const period = oldest === "" ? "" : oldest === newest ? ` of ${oldest}` : ` from ${oldest} to ${newest}`
  const said =
    verdict === "intact"
      ? `${plural(events, "event")}${period}, hash by hash, and the links between them`
      : verdict === "whole"
        ? `its files are those of its manifest, by size and sha256; the events${period} in them were not looked at`
        : `${plural(events, "event")} read`
  const without =
    redacted === "0"
      ? ""
      : `; of ${grouped(redacted)} a digest stands for values that were redacted (${plural(groups, "group")}), for which only the log can vouch`
  return `  ${visible(name)}  ${verdict}: ${said}${without}`
}

function findingsOf({ findings, findings_total: total }: VerifiedArchive): string[] {
  const shown = findings.slice(0, most)
  const rest = BigInt(total) - BigInt(shown.length)
  return [
    ...shown.map((finding) => `    ${describeFinding(finding)}`),
    ...(rest > 0n ? [`    and ${grouped(rest)} more: --json lists the first 1,000`] : []),
  ]
}

function describeFinding({ kind, file, line, organization_id, lane, seq, message }: ArchiveFinding): string {
  const place = [organization_id, lane, seq].filter((part) => part !== null).join("/")
  const where = [file, line === null ? null : `line ${line}`, place === "" ? null : place]
  const at = where.filter((part) => part !== null).join(", ")
  return `${kind}  ${visible(at)}: ${visible(message)}`
}
