// What a run of backing up says of itself to people.
import { size } from "../status/facts.js"
import { grouped, plural } from "../words.js"
import type { BackupRun } from "./options.js"

export function describeBackup(run: BackupRun): string {
  const { name, location, tables, partitions, events, bytes, taken_over, seconds, act } = run
  const what = `${plural(tables, "table")} and ${plural(partitions, "partition")}`
  const taken = taken_over === "0" ? "" : `, ${plural(taken_over, "file")} taken over`
  if (run.dry_run) {
    return `would back up ${what} to ${location}${taken}: about ${size(bytes)} to write\n`
  }
  const limits = [
    run.partition === null ? undefined : `only partition ${run.partition}`,
    run.organization === null ? undefined : "only one organization",
    run.encrypted ? "encrypted" : undefined,
  ].filter(Boolean)
  return [
    `${name}: ${plural(events ?? "0", "event")} in ${what}${taken}${act === null ? "" : `, recorded as act ${act}`}`,
    `  ${location}/${name}  ${size(bytes)} in ${grouped(Math.round(seconds.total))} s${limits.length === 0 ? "" : `, ${limits.join(", ")}`}`,
    `  manifest ${run.manifest}`,
    "",
  ].join("\n")
}
