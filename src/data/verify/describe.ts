// A verification's report in words, for people.
import { grouped, plural, visible } from "../words.js"
import type { Finding } from "./finding.js"
import type { VerifyReport } from "./report.js"

export function describeReport(report: VerifyReport): string {
  const { findings, accepted } = report
  const left = BigInt(report.findings_total) - BigInt(findings.length)
  const known =
    accepted.length === 0 ? [] : [`accepted, and counted apart: ${plural(report.accepted_total, "finding")}`]
  const lost = report.covered.lost === "0" ? [] : [`lost, recorded: ${plural(report.covered.lost, "event")}`]
  const purged =
    report.covered.purged === "0" ? [] : [`purged, recorded: ${plural(report.covered.purged, "event")}`]
  const { redacted, redacted_identity, redacted_content } = report.covered
  const replaced =
    redacted === "0"
      ? []
      : [
          `redacted, recorded: ${plural(redacted, "event")} (identity of ${grouped(redacted_identity)}, content of ${grouped(redacted_content)})`,
        ]
  const { archives } = report
  const compared = report.compared.map(({ name }) => `compared with ${visible(name)}`)
  const signatures =
    report.unchecked_signatures === "0"
      ? []
      : [`${plural(report.unchecked_signatures, "signature")} of acts not checked: give --public-key FILE`]
  const recorded = report.act === null ? [] : [`recorded as act ${report.act}`]
  const next = report.next === null ? [] : [`go on with: pgtrail verify --from ${visible(report.next)}`]
  return [
    headingOf(report),
    ...list(findings),
    ...(left > 0n ? [`and ${grouped(left)} more`] : []),
    ...known,
    ...list(accepted),
    ...purged,
    ...replaced,
    ...archivesOf(archives),
    ...lost,
    ...compared,
    ...signatures,
    ...next,
    ...recorded,
  ].join("\n")
}

function archivesOf({
  places,
  in_force,
  events,
  read,
  read_events,
  missing,
  elsewhere,
}: VerifyReport["archives"]): string[] {
  if (in_force === "0") return places.length === 0 ? [] : ["archived: no archive is in force"]
  const all = `archived: ${plural(events, "event")} in ${plural(in_force, "archive")}`
  if (places.length === 0) return [`${all}, not read: give --archive PLACE, or --archive recorded`]
  const same =
    read === "0"
      ? "read: none"
      : `read and the same: ${plural(read_events, "event")} in ${plural(read, "archive")}`
  return [
    `${all}; ${same}`,
    ...missing.map(
      ({ name, location, reason }) =>
        // table: has its colon.
        `  not read: ${visible(name)} of ${visible(location).replace(/:$/, "")}: ${visible(reason)}`,
    ),
    ...elsewhere.map((name) => `  read elsewhere than where its act put it: ${visible(name)}`),
  ]
}

function headingOf(report: VerifyReport): string {
  const { covered, requested, since } = report
  const events = `${grouped(covered.events)} ${covered.events === "1" ? "event" : "events"}`
  const chains = `${grouped(covered.chains)} ${covered.chains === "1" ? "chain" : "chains"}`
  const scope = requested.organization === null ? "" : ` of organization ${visible(requested.organization)}`
  const ranged = (requested.since ?? requested.until) !== null
  const from = since === null ? "" : `, since ${visible(since.name)}`
  const found = `${plural(report.findings_total, "finding")}; ${events} in ${chains}${scope} read${from}`
  switch (report.verdict) {
    case "intact":
      if (since !== null)
        return `intact since ${visible(since.name)}: ${events} came since in ${chains}${scope}`
      if (ranged) {
        return `intact: ${events} of that time in ${chains}${scope}, every hash recomputed; all other events only counted`
      }
      return `intact${requested.from === null ? "" : ` from ${visible(requested.from)} on`}: ${events} in ${chains}${scope}, every hash recomputed, every link followed`
    case "tampered":
      return `tampered: ${found}`
    case "rolled_back":
      return `rolled back: ${found}`
    case "incomplete":
      if (report.findings.length > 0) return `incomplete: ${found}`
      if (report.archives.missing.length > 0) {
        const unread = plural(String(report.archives.missing.length), "archive")
        return `incomplete: ${unread} could not be read; ${events} in ${chains}${scope} read, nothing found`
      }
      if (report.next !== null) return `incomplete: ${events} in ${chains}${scope} read, nothing found so far`
      return `incomplete: there is no event to verify${scope}${ranged ? " in that time" : ""}`
    case "unchecked":
      return "unchecked"
  }
}

function list(findings: readonly Finding[]): string[] {
  const rows = findings.map((finding) => [finding.kind, place(finding), visible(finding.message)] as const)
  const ids = findings.map((finding) => finding.id)
  const kinds = Math.max(0, ...rows.map(([kind]) => kind.length))
  const places = Math.max(0, ...rows.map(([, where]) => where.length))
  return rows.map(([kind, where, message], at) =>
    `  ${ids[at]}  ${kind.padEnd(kinds)}  ${where.padEnd(places)}  ${message}`.trimEnd(),
  )
}

function place(finding: Finding): string {
  const parts = [finding.organization_id, finding.lane, finding.seq].filter((part) => part !== null)
  return parts.length === 0 ? "-" : visible(parts.join("/"))
}
