// A verification's report in words, for people.
import { type Finding, grouped } from "./finding.js"
import type { VerifyReport } from "./verify.js"

export function describeReport(report: VerifyReport): string {
  const { covered, findings } = report
  const events = `${grouped(covered.events)} ${covered.events === "1" ? "event" : "events"}`
  const chains = `${grouped(covered.chains)} ${covered.chains === "1" ? "chain" : "chains"}`
  const scope =
    report.requested.organization === null ? "" : ` of organization ${visible(report.requested.organization)}`
  const ranged = (report.requested.since ?? report.requested.until) !== null
  const heading = {
    intact: ranged
      ? `intact: ${events} of that time in ${chains}${scope}, every hash recomputed; all other events only counted`
      : `intact: ${events} in ${chains}${scope}, every hash recomputed, every link followed`,
    tampered: `tampered: ${plural(report.findings_total, "finding")}; ${events} in ${chains}${scope} read`,
    incomplete:
      findings.length > 0
        ? `incomplete: ${plural(report.findings_total, "finding")}; ${events} in ${chains}${scope} read`
        : `incomplete: there is no event to verify${scope}${(report.requested.since ?? report.requested.until) ? " in that time" : ""}`,
    unchecked: "unchecked",
  }[report.verdict]
  const recorded = report.act === null ? [] : [`recorded as act ${report.act}`]
  const left = BigInt(report.findings_total) - BigInt(findings.length)
  return [heading, ...list(findings), ...(left > 0n ? [`and ${grouped(left)} more`] : []), ...recorded].join(
    "\n",
  )
}

function list(findings: readonly Finding[]): string[] {
  const rows = findings.map((finding) => [finding.kind, place(finding), visible(finding.message)] as const)
  const kinds = Math.max(0, ...rows.map(([kind]) => kind.length))
  const places = Math.max(0, ...rows.map(([, where]) => where.length))
  return rows.map(([kind, where, message]) =>
    `  ${kind.padEnd(kinds)}  ${where.padEnd(places)}  ${message}`.trimEnd(),
  )
}

function place(finding: Finding): string {
  const parts = [finding.organization_id, finding.lane, finding.seq].filter((part) => part !== null)
  return parts.length === 0 ? "-" : visible(parts.join("/"))
}

const plural = (count: string, noun: string): string => `${grouped(count)} ${noun}${count === "1" ? "" : "s"}`

/** Control characters as escapes: an organization's name must not steer a terminal. */
function visible(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`,
  )
}
