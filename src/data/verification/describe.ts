// A verification in words, as the first page of an incident report: what was found, what is proven, and what each finding is about.
import { grouped, plural, visible } from "../words.js"
import { describeFinding } from "./describe-finding.js"
import type { AffectedLane, AffectedPlace, Incident } from "./incident.js"
import type { VerificationSummary } from "./list.js"
import type { ShownVerification } from "./show.js"

/** So many findings are explained for people; the JSON document has all. */
const mostFindings = 50
const mostLanes = 20

const width = 18
const line = (name: string, value: string): string => `${name.padEnd(width)}${value}`.trimEnd()

export function describeVerification(shown: ShownVerification): string {
  const { act, findings, incident } = shown
  const listed = findings.slice(0, mostFindings)
  const left = BigInt(shown.findings_total) - BigInt(listed.length)
  const accepted = findings.filter((finding) => finding.accepted !== null).length
  const total = `${plural(shown.findings_total, "finding")}${accepted > 0 ? `, ${grouped(accepted)} accepted` : ""}`
  const all =
    findings.length === 1 && shown.findings_total !== "1" ? `${total}, of which one is shown` : total
  const lines = [
    `verification of act ${act.act}: ${visible(act.verdict ?? "without a verdict")}`,
    "",
    line("recorded", `${act.recorded_at} by ${who(act)}`),
    line("asked for", visible(act.scope)),
    ...(act.events === null ? [] : [line("read", plural(act.events, "event"))]),
    line("found", findings.length === 0 && shown.findings_total === "0" ? "nothing" : all),
    ...(act.verifies
      ? []
      : [line("", `act ${act.act} does not verify itself: its hash does not fit it; pgtrail verify`)]),
    ...(shown.against === null ? [] : [line("compared with", visible(shown.against))]),
    ...(findings.length === 0 && act.verdict === "intact" ? [] : lastIntact(incident)),
  ]
  if (findings.length > 0) lines.push("", ...describeIncident(incident, act.scope))
  for (const finding of listed) lines.push("", ...describeFinding(finding))
  if (listed.length > 0 && left > 0n && listed.length > 1)
    lines.push("", `and ${grouped(left)} more; --json has all that are recorded, --finding ID shows one`)
  return [...lines, ...describeCatalog(shown)].join("\n")
}

const who = (act: VerificationSummary): string =>
  `${visible(act.session_user_name)}${act.client_address === null ? "" : ` from ${act.client_address}`}`

function lastIntact({ last_intact: last }: Incident): string[] {
  if (last === null) return [line("last intact", "never before: no whole verification found nothing")]
  return [line("last intact", `act ${last.act}, ${last.recorded_at}, ${visible(last.scope)}`)]
}

function describeIncident(incident: Incident, scope: string): string[] {
  const { first, last, organizations, lanes, unproven } = incident
  if (first === null || last === null) return ["no event is affected now"]
  const shown = lanes.slice(0, mostLanes)
  return [
    line("first affected", affected(first)),
    line("last affected", affected(last)),
    line("affected", `${plural(lanes.length, "chain")} of ${plural(organizations.length, "organization")}`),
    ...(unproven === null ? ["still proven"] : [line("still proven", `cannot be told: ${unproven}`)]),
    ...(unproven === null ? shown.flatMap(describeLane) : []),
    ...(unproven === null && lanes.length > shown.length
      ? [`  and ${plural(lanes.length - shown.length, "other affected chain")}, see --json`]
      : []),
    ...(unproven === null ? [`  every other chain of ${visible(scope)}`] : []),
  ]
}

function affected({ place, recorded_at, occurred_at, recorded_after }: AffectedPlace): string {
  const times = [
    ...(recorded_at === null ? [] : [`recorded ${recorded_at}`]),
    ...(occurred_at === null ? [] : [`occurred ${occurred_at}`]),
    ...(recorded_after === null ? [] : [`recorded at or after ${recorded_after}`]),
  ]
  return [visible(place), ...times].join("  ")
}

const reasons = {
  head: "everything up to the head follows from them",
  original: "the originals of what follows them were found",
  genesis: "chained to the beginning; nothing after them vouches for them",
} as const

function describeLane({ organization_id, lane, proven }: AffectedLane): string[] {
  const chain = visible(`${organization_id}/${lane}`)
  if (proven.length === 0) return [`  ${chain}  nothing`]
  return proven.map(({ first, last, by }) =>
    first === last
      ? `  ${chain}  event ${first}: ${reasons[by]}`
      : `  ${chain}  events ${first} to ${last}: ${reasons[by]}`,
  )
}

function describeCatalog({ catalog, ghost_rules: ghosts }: ShownVerification): string[] {
  const traces = catalog.map((trace) => {
    const written = `${trace.catalog} ${trace.oid}, written by transaction ${trace.xmin}`
    const time = trace.commit_time === null ? "" : ` at ${trace.commit_time}`
    const siblings = trace.odd ? `; its siblings by ${trace.siblings_xmin}: it was touched later` : ""
    const name = trace.name === trace.object ? trace.object : `${trace.object}, ${trace.name}`
    return `  ${visible(name)}: ${written}${time}${siblings}`
  })
  const rules = ghosts.map(
    ({ object, oid, xmin }) =>
      `  ${visible(object)}: pg_class ${oid} says that it has a rule, and there is none: one was dropped (written by transaction ${xmin})`,
  )
  return traces.length + rules.length === 0 ? [] : ["", "traces in the catalog", ...traces, ...rules]
}
