// The security report as text for people: what there was, who guesses passwords, then who, from where, what and on what.
import { grouped, plural } from "../words.js"
import type { BruteForce } from "./brute-force.js"
import { brief, layout } from "./layout.js"
import { isQuiet, type Security, type SecurityGroup } from "./security.js"

/** `width`: of the terminal, which tables are made to fit. */
export function describeSecurity(report: Security, width?: number): string {
  if (isQuiet(report)) return "nothing failed, was denied, is critical or of category security"
  const { events, failed, denied, critical, affected } = report
  return [
    `${plural(events, "event")} to look at: ${grouped(failed)} failed, ${grouped(denied)} denied, ${grouped(critical)} critical, ` +
      `${grouped(report.security)} of category security`,
    `affected: ${plural(affected.actors, "actor")}, ${plural(affected.resources, "resource")}; from ${addresses(affected.addresses)}`,
    "",
    ...guessing(report, width),
    ...list("actor", "actors", report, width),
    ...list("address", "addresses", report, width),
    ...list("type", "types", report, width),
    ...list("resource", "resources", report, width),
  ].join("\n")
}

const addresses = (count: string): string => `${grouped(count)} ${count === "1" ? "address" : "addresses"}`

function guessing(
  { brute_force: found, threshold, window_ms: window }: Security,
  width: number | undefined,
): string[] {
  const rule = `${plural(threshold, "authentication failure")} of one actor or address within ${duration(window)}`
  if (found.length === 0) return [`brute force: none, no more than ${rule}`]
  const name = ({ of, organization_id: organization, value }: BruteForce): string =>
    `${of} ${organization === null ? "" : `${brief(organization)}/`}${brief(value)}`
  const others = ({ of, others: count }: BruteForce): string =>
    of === "actor" ? addresses(count) : plural(count, "actor")
  return [
    `brute force: more than ${rule}`,
    ...layout(
      [
        ["who", "most", "from", "to", "in all", "with"],
        ...found
          .slice(0, 20)
          .map((one) => [name(one), grouped(one.peak), one.from, one.to, grouped(one.failures), others(one)]),
      ],
      [1, 4],
      width,
    ),
    ...(found.length > 20 ? [`  and ${grouped(found.length - 20)} more, in --json`] : []),
  ]
}

function duration(ms: number): string {
  const units = [
    [86_400_000, "d"],
    [3_600_000, "h"],
    [60_000, "m"],
    [1000, "s"],
  ] as const
  const [size, unit] = units.find(([size]) => ms % size === 0) ?? [1, "ms"]
  return `${ms / size}${unit}`
}

function list(
  title: string,
  name: "actors" | "addresses" | "types" | "resources",
  report: Security,
  width: number | undefined,
): string[] {
  const all: readonly SecurityGroup[] = report[name]
  if (all.length === 0) return []
  const left = BigInt(report.affected[name]) - BigInt(all.length)
  return [
    "",
    ...layout(
      [
        [title, "events", "failed", "denied", "critical", "security", "last event"],
        ...all.map((one) => [
          brief(one.organization_id === null ? one.value : `${one.organization_id}/${one.value}`),
          grouped(one.events),
          grouped(one.failed),
          grouped(one.denied),
          grouped(one.critical),
          grouped(one.security),
          one.last_event,
        ]),
      ],
      [1, 2, 3, 4, 5],
      width,
    ),
    ...(left > 0n ? [`  and ${grouped(left)} more: --limit all`] : []),
  ]
}
