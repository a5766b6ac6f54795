// What a comparison of a backup with the log says to people.
import { grouped, plural, quoted, visible } from "../words.js"
import type { BackupComparison, EventDifference, TableComparison } from "./compare-options.js"

const mostLines = 20

export function describeComparison(found: BackupComparison): string {
  const { name, database, events, lanes, verdict, acts, differences, tables, started_at } = found
  const limit =
    found.partition !== null
      ? `, of partition ${visible(found.partition)} alone`
      : found.organization !== null
        ? `, of organization ${visible(found.organization)} alone`
        : ""
  const opening = {
    equal: `equal: ${name} and database ${visible(database)} have the same ${plural(events.backup, "event")}${limit}`,
    explained: `explained: what differs between ${name} and database ${visible(database)} came since ${started_at}${limit}`,
    differs: `differs: ${name} and database ${visible(database)}, in what nothing since ${started_at} explains${limit}`,
  }[verdict]
  const odd = tables.filter(({ result }) => result === "differs")
  const lines = [
    opening,
    ...(verdict === "equal" ? [] : [summary(found)]),
    ...acts.map(({ act, did, events: some }) =>
      did !== "restored"
        ? `  act ${act} ${did} ${plural(some, "event")} of it`
        : `  act ${act} brought ${plural(some, "event")} back that it has not`,
    ),
    ...differences.slice(0, mostLines).flatMap(describeEvent),
    ...(Number(lanes.differ) > mostLines
      ? [`  and ${grouped(Number(lanes.differ) - mostLines)} more lanes: --json has a thousand`]
      : []),
    ...odd.map(describeTable),
    ...changed(tables),
  ]
  return `${lines.join("\n")}\n`
}

function summary({ events, lanes, acts }: BackupComparison): string {
  const archived = acts.reduce((sum, one) => sum + (one.did === "archived" ? BigInt(one.events) : 0n), 0n)
  const purged = BigInt(events.purged) - archived
  const parts = [
    `${grouped(events.backup)} events in the backup, ${grouped(events.log)} in the log`,
    events.appended === "0" ? undefined : `${grouped(events.appended)} appended`,
    purged === 0n ? undefined : `${grouped(String(purged))} purged`,
    archived === 0n ? undefined : `${grouped(String(archived))} archived`,
    events.restored === "0" ? undefined : `${grouped(events.restored)} restored`,
    events.redacted === "0" ? undefined : `${grouped(events.redacted)} redacted`,
    events.differ === "0"
      ? undefined
      : `${plural(events.differ, "event")} of ${plural(lanes.differ, "lane")} not explained`,
  ]
  return `  ${parts.filter(Boolean).join(", ")}`
}

const rights = {
  backup: "the backup has the right bytes",
  log: "the log has the right bytes",
  both: "each comes to its own hash: which chain is the right one pgtrail verify --checkpoint and pgtrail backup verify tell",
  neither: "neither comes to its hash",
} as const

function describeEvent(one: EventDifference): string[] {
  const place = `${visible(one.organization_id)}/${one.lane}/${one.seq}`
  const more = one.events === "1" ? "" : `, the first of ${grouped(one.events)} of its lane`
  const fields = one.fields.map(({ column, backup, log }) =>
    backup === undefined && log === undefined
      ? column
      : `${column} (backup ${quoted(backup ?? null)}, log ${quoted(log ?? null)})`,
  )
  const where = [
    one.file === null ? undefined : `${one.file} line ${one.line}`,
    one.relation === null ? undefined : `pgtrail.${visible(one.relation)}`,
  ].filter(Boolean)
  return [
    `  ${place}: ${one.state}${more}`,
    ...(fields.length === 0 ? [] : [`    ${fields.join(", ")}`]),
    `    ${rights[one.right]}: ${where.join(", ")}`,
  ]
}

function describeTable({ name, first, added, removed, changed: altered }: TableComparison): string {
  if (first === null) return `  table ${name}: the log has it no more`
  const columns = first.columns.length === 0 ? "" : ` (${first.columns.join(", ")})`
  const line = first.line === null ? "" : `, line ${first.line}`
  const counts = `${plural(altered, "row")} altered, ${removed} only in the backup, ${added} only in the log`
  return `  table ${name}: ${visible(first.key)}${line}: ${first.state}${columns}; ${counts}`
}

/** What is no matter. */
function changed(tables: readonly TableComparison[]): string[] {
  const names = tables.flatMap(({ name, result, act }) =>
    result === "explained" && name !== "act"
      ? [act === null ? name : `${name} (act ${act.seq}, ${act.kind})`]
      : [],
  )
  return names.length === 0 ? [] : [`  tables that acts since have changed: ${names.join(", ")}`]
}
