// A verification of a backup in words, for people.
import { size } from "../status/facts.js"
import { grouped, plural, shortTime, visible } from "../words.js"
import type { BackupFinding, BackupVerification } from "./verify-report.js"

/** Of findings; --json has more. */
const most = 50

export function describeVerification(report: BackupVerification): string {
  const { findings, accepted, covered } = report
  const shown = findings.slice(0, most)
  const left = BigInt(report.findings_total) - BigInt(shown.length)
  const told = (count: string | undefined, words: string): string[] =>
    count === undefined || count === "0" ? [] : [`${words}: ${plural(count, "event")}`]
  return [
    headingOf(report),
    ...shown.map(lineOf),
    ...(left > 0n ? [`and ${grouped(left)} more`] : []),
    ...(accepted.length === 0
      ? []
      : [
          `accepted, and counted apart: ${plural(report.accepted_total, "finding")}`,
          ...accepted.slice(0, most).map(lineOf),
        ]),
    ...told(covered?.purged, "purged, recorded"),
    ...told(covered?.redacted, "redacted, recorded"),
    ...told(covered?.archived, "archived, recorded"),
    ...told(covered?.lost, "lost, recorded"),
    ...(findings.some(({ kind }) => kind === "encrypted")
      ? ["to look into it give its private key: --identity file:KEYFILE"]
      : []),
    ...report.compared.map(({ name }) => `compared with ${visible(name)}`),
    ...(report.unchecked_signatures === "0"
      ? []
      : [`${plural(report.unchecked_signatures, "signature")} of acts not checked: give --public-key FILE`]),
    ...report.unread.map((what) => `could not be judged: ${visible(what)}`),
    ...report.not_covered.map((what) => `not looked at: ${visible(what)}`),
    ...(report.not_kept === null
      ? []
      : [`the result was not kept beside the backup: ${visible(report.not_kept)}`]),
  ].join("\n")
}

function headingOf({
  verdict,
  name,
  level,
  started_at,
  files,
  bytes,
  covered,
  findings_total,
}: BackupVerification): string {
  const when = started_at === null ? "" : ` of ${visible(shortTime(started_at) ?? "")}`
  const what = `${visible(name)}${when}: ${plural(files, "file")}, ${size(bytes)}`
  const count = findings_total === "0" ? "" : `, ${plural(findings_total, "finding")}`
  if (covered !== null) {
    return `${verdict}: ${what}, ${plural(covered.events, "event")} in ${plural(covered.chains, "chain")}${count}`
  }
  const unread = level === "quick" && verdict === "whole" ? "; what is in the files was not looked at" : ""
  return `${verdict}: ${what}${count}${unread}`
}

function lineOf({ id, kind, file, line, organization_id, lane, seq, message }: BackupFinding): string {
  const place = [organization_id, lane, seq].filter((part) => part !== null).join("/")
  const where =
    file === null || kind === "file" || kind === "manifest"
      ? ""
      : `${file}${line === null ? "" : ` line ${line}`}`
  const at = [place, where].filter((part) => part !== "").join(", ")
  return `  ${id}  ${kind}${at === "" ? "" : `  ${visible(at)}`}: ${visible(message)}`
}
