// A purge in words, for people.
import type { VerifyReport } from "../verify/report.js"
import { grouped, plural, visible } from "../words.js"
import type { PurgedOrganization } from "./options.js"
import { actsOf } from "./organization.js"

export function describePurge(purge: PurgedOrganization): string {
  const { organization, events, lanes, oldest, newest, refused, dry_run, verification } = purge
  const name = visible(organization)
  const isDone = !refused && !dry_run && purge.acts.length === 0
  if (verification === null || isDone) return `nothing of ${name} is left to purge`
  const times = oldest === null ? "" : `, from ${oldest} to ${newest}`
  const what = `${plural(events, "event")} of ${name} in ${plural(lanes, "lane")}${times}`
  const left = purge.remaining === "0" ? [] : [`left: ${plural(purge.remaining, "event")}`]
  const found = foundOf(organization, verification)
  if (refused)
    return [`nothing was purged: the verification of ${name} has ${found}`, ...list(verification)].join("\n")
  const despite = found === "" ? [] : [`despite ${found}, which the acts name`]
  if (dry_run)
    return [`would purge ${what}`, ...purge.partitions.map(partition), ...despite, ...left].join("\n")
  return [
    `purged ${what}, recorded as ${actsOf(purge.acts)}`,
    ...despite,
    ...left,
    "their bytes stay in the files of the tables until VACUUM FULL rewrites them (VACUUM alone makes room for others), and in WAL,",
    `replicas and backups for as long as you keep those; the name ${name} stays in the heads and in the acts`,
  ].join("\n")
}

const partition = ({ name, events, bytes }: PurgedOrganization["partitions"][number]): string =>
  `  ${name}  ${plural(events, "event")}, about ${grouped(Math.ceil(Number(bytes) / 1024))} kB`

function foundOf(organization: string, { findings_total, accepted }: VerifyReport): string {
  const known = accepted.filter((finding) => finding.organization_id === organization).length
  return [
    ...(findings_total === "0" ? [] : [plural(findings_total, "finding")]),
    ...(known === 0 ? [] : [`${plural(known, "finding")} that somebody accepted`]),
  ].join(" and ")
}

const most = 10

function list({ findings, accepted, findings_total }: VerifyReport): string[] {
  const shown = [...findings, ...accepted].slice(0, most)
  const lines = shown.map(({ id, kind, message }) => `  ${id}  ${kind}  ${visible(message)}`)
  const rest = BigInt(findings_total) + BigInt(accepted.length) - BigInt(shown.length)
  return rest > 0n ? [...lines, `  and ${grouped(rest)} more`] : lines
}
