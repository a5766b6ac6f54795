// Runs and plans of retention in words, for people and for the mail of cron.
import { size } from "../status/facts.js"
import { plural, visible } from "../words.js"
import type { PlannedPurge, RetentionPlan } from "./plan.js"
import type { RetentionRun } from "./run-options.js"

/** A line that says what went; below it what stayed, and why, where anything did. */
export function describeRun(run: RetentionRun): string {
  const { dry_run: isDry, deleted, failed } = run
  const said = [
    `${isDry ? "would purge" : "purged"} ${plural(run.events, "event")}`,
    ...counted(run.dropped, "partition", isDry ? "to be dropped" : "dropped"),
    ...counted(run.rewritten, "partition", isDry ? "to be built anew" : "built anew"),
    ...counted(deleted, "row", `${isDry ? "to be deleted" : "deleted"} one by one`),
    isDry ? `up to ${size(run.bytes_freed)} would be given back` : `${size(run.bytes_freed)} given back`,
    ...(run.acts.length === 0 ? [] : [actsInWords(run.acts)]),
  ]
  return [
    `${run.ended_at} retention: ${said.join("; ")}`,
    ...run.policies.map(cutoff),
    ...unarchivedWords(run).map((line) => `  ${line}`),
    ...staying(run),
    ...(deleted === "0" || isDry
      ? []
      : [
          "  the bytes of deleted rows stay in the files: VACUUM makes room for others, VACUUM FULL gives them back",
        ]),
    ...failed.map(({ name, message }) => `  not purged: ${name}: ${visible(message)}`),
  ].join("\n")
}

/** What went without the archive that it was due for: nobody brings it back. */
export function unarchivedWords({ unarchived, dry_run: isDry }: RetentionRun): string[] {
  if (unarchived === "0") return []
  const events = plural(unarchived, "event")
  return [
    isDry
      ? `${events} would go never archived, though due for an archive: first pgtrail archive create --partition NAME --to PLACE`
      : `${events} went never archived, though due for an archive`,
  ]
}

function staying(run: RetentionRun): string[] {
  const { held, cases, fresh, fresh_until, unsound, remaining, partitions_left, partitions, failed } = run
  const cut = String(partitions.reduce((sum, one) => sum + BigInt(one.remaining), 0n))
  const notLookedAt = String(BigInt(partitions_left) - BigInt(failed.length))
  return [
    ...counted(held, "event", `held${cases.length === 0 ? "" : `; holds in force: ${named(cases)}`}`),
    ...(fresh === "0"
      ? []
      : [
          `${plural(fresh, "event")} ${fresh === "1" ? "waits" : "wait"} for the grace, until ${fresh_until}`,
        ]),
    ...(unsound === "0" ? [] : [doNotVerify(unsound)]),
    ...counted(cut, "event", remaining === null ? "left of those that it looked at" : "left"),
    ...counted(notLookedAt, "partition", "not looked at"),
  ].map((line) => `  ${line}`)
}

const named = (cases: readonly string[]): string =>
  cases.length <= 5
    ? cases.map(visible).join(", ")
    : `${cases.slice(0, 5).map(visible).join(", ")} and ${plural(cases.length - 5, "other")}`

const doNotVerify = (events: string): string =>
  events === "1" ? "1 event does not verify" : `${plural(events, "event")} do not verify`

const actsInWords = (acts: readonly string[]): string =>
  acts.length === 1 ? `act ${acts[0]}` : `acts ${acts[0]} to ${acts.at(-1)}`

const counted = (count: string, noun: string, what: string): string[] =>
  count === "0" ? [] : [`${plural(count, noun)} ${what}`]

const cutoff = ({ policy, floor, cutoff: before, events }: RetentionRun["policies"][number]): string =>
  `  ${visible(policy)}${floor === null ? "" : ` with floor ${visible(floor)}`}: ${plural(events, "event")} before ${before}`

/** What to do next about what a run left. */
export function adviceOf({ unsound, failed, outcome, dry_run }: RetentionRun): string | undefined {
  const advice = [
    ...(unsound === "0"
      ? []
      : ["events that do not verify are evidence, and stay: pgtrail verify says what is wrong with them"]),
    ...(failed.length === 0
      ? []
      : ["what was not purged is left for another run, perhaps with more --patience"]),
    ...(outcome === "limit" && !dry_run ? ["it stopped at its limit; next: pgtrail retention run"] : []),
  ]
  return advice.length === 0 ? undefined : advice.join("\n  ")
}

/** For people: of what is over already, "now" instead of the time when it was due. */
export const whenItGoes = ({
  events_now,
  events_later,
  first_goes_at,
  last_goes_at,
}: Omit<PlannedPurge, "cases">) => ({
  first_goes_at: events_now === "0" ? first_goes_at : "now",
  last_goes_at: events_now !== "0" && events_later === "0" ? "now" : last_goes_at,
})

/** What stands below the table of a plan. */
export function describePlan(plan: RetentionPlan): string {
  const { within_days: days, partitions, partitions_of: all, waiting, unsound } = plan
  return [
    `in the next ${plural(days, "day")}, until ${plan.until}; ${partitions} of ${plural(all, "partition")} read`,
    ...waiting.map(
      ({ kind, name, keep_days, until }) =>
        `what the ${kind} ${visible(name)} kept for ${plural(keep_days, "day")} before is kept until ${until}`,
    ),
    ...(unsound === null || unsound === "0"
      ? []
      : [
          `of what would go now ${doNotVerify(unsound)}, and ${unsound === "1" ? "stays" : "stay"}: pgtrail verify`,
        ]),
  ].join("\n  ")
}
