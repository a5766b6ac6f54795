// What changes of partitions did, and what they left, as people read it.
import { grouped, plural, visible } from "../words.js"
import type { CreatedPartitions } from "./create.js"
import type { DroppedPartition } from "./drop.js"
import type { MaintainedPartitions } from "./maintain.js"
import type { Left, Range, Reason } from "./ranges.js"

const along = (events: string, dryRun: boolean): string =>
  events === "0" ? "" : `, ${plural(events, "event")} of DEFAULT ${dryRun ? "would come" : "came"} along`

const lines = (ranges: readonly Range[]): string[] =>
  ranges.map(
    ({ name, since, until, events }) =>
      `  ${name}  ${since} to ${until}${events === "0" ? "" : `, ${plural(events, "event")}`}`,
  )

export function describeCreated({ created, there, events, dry_run: dryRun }: CreatedPartitions): string {
  const known = there.length === 0 ? "" : `, ${there.length} there already`
  if (created.length === 0) return `nothing to do: ${plural(there.length, "partition")} there already`
  const head = `${dryRun ? "would make" : "made"} ${plural(created.length, "partition")}${known}${along(events, dryRun)}`
  return [head, ...lines(created)].join("\n")
}

export function describeMaintained(done: MaintainedPartitions): string {
  const { created, analyzed, events, dry_run: dryRun } = done
  const statistics =
    analyzed.length === 0 ? "" : `, ${dryRun ? "would analyze" : "analyzed"} ${grouped(analyzed.length)}`
  if (created.length === 0) return `nothing due: partitions are there for ${done.ahead} ahead${statistics}`
  const head = `${dryRun ? "would make" : "made"} ${plural(created.length, "partition")}${along(events, dryRun)}${statistics}`
  return [head, ...lines(created)].join("\n")
}

const reasons: Readonly<Record<Reason, (left: Left, done: MaintainedPartitions) => string>> = {
  "no-partition": ({ oldest, newest }) => `${oldest} to ${newest}: no partition is made for such times`,
  older: ({ name }, { kept_since: since }) =>
    `of ${name}: older than what retention keeps, which is since ${since}`,
  beyond: ({ name }, { ahead }) =>
    `of ${name}: further than ${ahead} ahead; pgtrail partition create makes it`,
  detached: ({ name }) =>
    `of ${name}: the partition of that time is detached; they come along with pgtrail partition attach`,
  overlap: ({ name }) => `of ${name}: another partition has a part of its time; pgtrail partition list`,
}

/** A line for what stays in DEFAULT, at most eight of them. */
export function describeLeft(done: MaintainedPartitions): string | undefined {
  const said = done.left.map(
    (left) =>
      `${plural(left.events, "event")} ${left.events === "1" ? "stays" : "stay"} in DEFAULT, ${reasons[left.reason](left, done)}`,
  )
  const more = said.length > 8 ? [`and ${said.length - 8} more: --json tells all`] : []
  return [...said.slice(0, 8), ...more].join("\n") || undefined
}

/** What of it the rules of retention keep, by organization: ten lines at most. */
export function describeKept({ kept, dry_run: dryRun }: DroppedPartition): string[] {
  if (kept.length === 0) return []
  const total = kept.reduce((sum, { events }) => sum + BigInt(events), 0n)
  const head = `${plural(String(total), "event")} of it ${total === 1n ? (dryRun ? "is" : "was") : dryRun ? "are" : "were"} not over yet:`
  const said = kept.map(
    ({ organization_id: organization, policy, floor, keep_days: days, events, fresh }) => {
      const under =
        floor === null ? `policy ${visible(policy)}` : `policy ${visible(policy)}, floor ${visible(floor)}`
      return `  ${visible(organization)}: ${plural(events, "event")}, under ${under} (${plural(days, "day")}${fresh === "0" ? "" : `; ${grouped(fresh)} by the grace alone`})`
    },
  )
  const more = said.length > 10 ? [`  and ${said.length - 10} more: --json tells all`] : []
  return [head, ...said.slice(0, 10), ...more]
}
