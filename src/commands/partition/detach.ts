// pgtrail partition detach: takes a partition out of every query, which is an act.
import { arg, command, flag, patience, type Report, required, text } from "../../cli/command.js"
import { readDuration } from "../../data/duration.js"
import type { MovedPartition } from "../../data/index.js"
import { plural } from "../../data/words.js"
import { sqlReport } from "./create.js"

export default command({
  summary: "take a partition out of every query, by an act",
  description:
    "It stays a table of the schema pgtrail, with its guards: its events are a part of the chains, and verify reads them. What is appended of its " +
    "time goes to DEFAULT until pgtrail partition attach. Refused while a legal hold is on any of its events. Needs the role pgtrail_operator.",
  args: { name: arg("the partition: event_2025_01") },
  options: {
    reason: required(text("--reason <text>", "why; stays in the act")),
    patience,
    dryRun: flag("--dry-run", "do everything, roll it back, and say what would happen"),
    printSql: flag("--print-sql", "print the SQL instead of running it"),
  },
  examples: [
    {
      run: 'pgtrail partition detach event_2025_01 --reason "moved to slow storage"',
      shows: "no query finds its events any more",
    },
    {
      run: 'pgtrail partition detach event_2025_01 --reason "slow storage" --dry-run',
      shows: "whether it can be done now: locks, legal holds",
    },
  ],
  async run({ args, options, session }) {
    const trail = await session.trail()
    const given = {
      patienceMs: readDuration(options.patience, "--patience"),
      dryRun: options.dryRun,
      signal: session.signal,
      progress: (doing: string) => session.progress(doing),
    }
    if (options.printSql) return sqlReport(await trail.detachPartitionSql(args.name, options.reason, given))
    return movedReport(await trail.detachPartition(args.name, options.reason, given), "detach", "detached")
  },
})

/** What `detach` and `attach` answer. */
export function movedReport(moved: MovedPartition, verb: string, done: string): Report {
  const { name, since, until, events, moved: along, act } = moved
  const isBack = along !== null
  const count = plural(events, "event")
  const is = moved.dry_run ? "would be" : events === "1" ? "is" : "are"
  const came = along === null || along === "0" ? "" : `, and ${plural(along, "event")} of DEFAULT came along`
  const said = isBack ? `${count} ${is} in queries again${came}` : `${count} ${is} in no query any more`
  return {
    schema: `pgtrail.${done}_partition/1`,
    columns: [
      { name: "name" },
      { name: "since" },
      { name: "until" },
      { name: "events", kind: "number" },
      { name: "moved", kind: "number" },
      { name: "act", kind: "number" },
    ],
    rows: [{ name, since, until, events, moved: along, act }],
    document: { schema: `pgtrail.${done}_partition/1`, ...moved },
    text: `${moved.dry_run ? `would ${verb}` : done} ${name}, ${since} to ${until}: ${said}`,
    note: () =>
      act === null
        ? undefined
        : `recorded as act ${act}${isBack ? "" : `; back with: pgtrail partition attach ${name}`}`,
  }
}
