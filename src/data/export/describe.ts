// An export, and what a check of it found, as text for people.
import type { EventFilter } from "../query/criteria.js"
import { describePeriod } from "../query/time.js"
import { grouped, plural, visible } from "../words.js"
import type { Manifest } from "./manifest.js"
import type { ExportFinding, ExportReport } from "./report.js"

const width = 15
const line = (name: string, value: string): string => `${name.padEnd(width)}${visible(value)}`

/** A long list is in --json. */
const most = 20

export function describeManifest(manifest: Manifest): string {
  const { population, lanes, files, purges, verification, checkpoint, filters } = manifest
  const period = describePeriod(filters) ?? "all"
  const organizations = [filters.organization ?? []].flat()
  const rest = Object.entries(filters).filter(
    ([name]) => !["organization", "since", "until", "not"].includes(name),
  )
  const gaps = [...lanes, ...(manifest.absent_lanes ?? [])].flatMap((lane) => lane.missing ?? [])
  const sum = (values: readonly string[]): bigint =>
    values.reduce((total, value) => total + BigInt(value), 0n)
  const outside = sum(gaps.map((gap) => gap.outside))
  const purged = sum(gaps.flatMap((gap) => (gap.purged ?? []).map(({ events }) => events)))
  const unexplained = sum(gaps.map((gap) => gap.unexplained))
  const shown = lanes.slice(0, most)
  return [
    ...manifest.statement.map(visible),
    "",
    line("log", `${manifest.log_id}, incarnation ${manifest.incarnation}, database ${manifest.database}`),
    line("made", `${manifest.created_at} by ${manifest.created_by}, pgtrail ${manifest.tool_version}`),
    line("organizations", organizations.length === 0 ? "all" : organizations.join(", ")),
    line("time", `${period} (${manifest.zone})`),
    ...rest.map(([name, value]) => line(name, [value ?? ""].flat().join(", "))),
    ...negated(filters),
    ...(manifest.excluded.length === 0 ? [] : [line("left out", manifest.excluded.join(", "))]),
    line(
      "events",
      `${grouped(population.exported)} of ${grouped(population.events)}, ${grouped(population.omitted)} omitted`,
    ),
    ...shown.map((lane) =>
      line(
        "lane",
        `${lane.organization_id}/${lane.lane}  ${lane.first.seq} to ${lane.last.seq}, ${plural(lane.events, "event")}`,
      ),
    ),
    ...(lanes.length > most ? [line("", `and ${grouped(lanes.length - most)} lanes more`)] : []),
    ...(gaps.length === 0
      ? []
      : [
          line(
            "not here",
            `${grouped(outside)} outside of the time, ${grouped(purged)} purged, ${grouped(unexplained)} unexplained`,
          ),
        ]),
    ...(purges ?? [])
      .slice(0, most)
      .map((purge) =>
        line("purged", `${grouped(purge.events)} of ${purge.organization_id} by act ${purge.act}`),
      ),
    line(
      "verified",
      verification === null
        ? "not known"
        : `${verification.verdict}, ${verification.act === null ? "not recorded" : `act ${verification.act}`} at ${verification.recorded_at}`,
    ),
    line(
      "checkpoint",
      checkpoint === null
        ? "none is known"
        : `${checkpoint.time}${checkpoint.covered_lanes === null ? "" : `, covers ${checkpoint.covered_lanes} of ${plural(lanes.length, "lane")}`}`,
    ),
    ...files
      .slice(0, most)
      .map((file) =>
        line(
          "file",
          `${file.name}  ${plural(file.rows, "row")}, ${grouped(file.bytes)} bytes  ${file.sha256}`,
        ),
      ),
    ...(files.length > most ? [line("", `and ${grouped(files.length - most)} files more`)] : []),
  ].join("\n")
}

const negated = ({ not }: EventFilter): string[] =>
  Object.entries(not ?? {}).map(([name, value]) => line(`not ${name}`, [value ?? ""].flat().join(", ")))

const checked: Readonly<Record<ExportReport["checks"], string>> = {
  chain: "hash by hash, and that each follows the one before it",
  hashes: "each by its own hash; the files cannot show whether one is missing of those that match",
  files: "as files alone: it is not evidence",
}

export function describeCheck(report: ExportReport): string {
  const { verdict, kind, checks, events, files, findings, findings_total: total, manifest } = report
  const shown = findings.slice(0, most)
  const count = checks === "files" ? manifest.population.exported : events
  return [
    `${verdict}: ${kind}, ${plural(count, "event")} in ${plural(files, "file")}`,
    line("checked", checked[checks]),
    line("signature", signatureOf(report)),
    ...(report.without_values === "0"
      ? []
      : [
          line(
            "without values",
            `${plural(report.without_values, "event")}: a digest stands for what is left out`,
          ),
        ]),
    ...(report.redacted === "0"
      ? []
      : [
          line(
            "redacted",
            `${plural(report.redacted, "event")}: for the values that are there now the log alone can vouch`,
          ),
        ]),
    ...(report.checkpoint === null
      ? []
      : [
          line(
            "checkpoint",
            `${report.checkpoint.time}, agrees in ${plural(report.checkpoint.lanes, "lane")} of ${grouped(manifest.lanes.length)}`,
          ),
        ]),
    ...(shown.length === 0 ? [] : ["", `${plural(total, "finding")}:`]),
    ...shown.map(describeFinding),
    ...(BigInt(total) > BigInt(shown.length)
      ? [`  and ${grouped(BigInt(total) - BigInt(shown.length))} more: --json lists the first 1,000`]
      : []),
  ].join("\n")
}

function signatureOf({ signature, signed_by }: ExportReport): string {
  if (signature === "good") return `good, by ${signed_by}`
  if (signature === "bad") return "BAD"
  return signature === "none"
    ? "none: whoever can change the files can change the manifest too"
    : "not checked: name the key with --public-key"
}

function describeFinding(finding: ExportFinding): string {
  const { file, line: number, organization_id: organization, lane, seq } = finding
  const where = [
    ...(file === null ? [] : [number === null ? file : `${file} line ${number}`]),
    ...(organization === null ? [] : [[organization, lane, seq].filter((part) => part !== null).join("/")]),
  ]
  return `  ${visible(`${finding.kind}  ${where.join("  ")}: ${finding.message}`)}`
}
