// pgtrail partition drop: verifies a partition and removes it with all its events, with a record.
import { arg, command, flag, patience, reference, required, text } from "../../cli/command.js"
import { readSecret } from "../../cli/secret.js"
import { readDuration } from "../../data/duration.js"
import { describeKept } from "../../data/partition/describe.js"
import { grouped, plural } from "../../data/words.js"
import { sqlReport } from "./create.js"

export default command({
  summary: "remove a partition and all its events, with a record",
  description:
    "Verifies each of its events first: what does not verify is evidence, and nothing goes (exit 1). A legal hold on any of them refuses it too. " +
    "The purge is recorded by an act: the chains stay whole, and verify counts the events as purged. Attached or detached; not that of today, " +
    "nor DEFAULT.\n\n" +
    "Not undone by anything: --confirm takes its name once more. Whatever retention keeps goes too, and the answer says how much of it " +
    "there is, under which policy and floor; look with --dry-run first. What is expired, pgtrail retention run drops. " +
    "Needs the role pgtrail_operator, and a signature where the setting require-signed-acts is on.",
  args: { name: arg("the partition: event_2025_01") },
  options: {
    reason: required(text("--reason <text>", "why; stays in the act")),
    requestedBy: text("--requested-by <who>", "who asked for it: a name, or the number of a request"),
    confirm: text("--confirm <name>", "its name once more"),
    key: reference(
      "--key <reference>",
      "the private key that signs the act: file:PATH, env:NAME or cmd:COMMAND",
    ),
    patience,
    dryRun: flag("--dry-run", "verify, do everything, roll it back, and say what would go"),
    printSql: flag("--print-sql", "print the SQL instead of running it"),
  },
  examples: [
    { run: 'pgtrail partition drop event_2019_01 --reason "test data" --dry-run', shows: "what would go" },
    {
      run: 'pgtrail partition drop event_2019_01 --reason "test data" --confirm event_2019_01',
      shows: "its events, for ever",
    },
  ],
  async run({ args, options, session }) {
    const key = options.key === undefined ? undefined : await readSecret(options.key, session.io)
    const trail = await session.trail()
    const given = {
      reason: options.reason,
      requestedBy: options.requestedBy,
      confirm: options.confirm,
      key,
      patienceMs: readDuration(options.patience, "--patience"),
      dryRun: options.dryRun,
      signal: session.signal,
      progress: (doing: string) => session.progress(doing),
    }
    if (options.printSql) return sqlReport(await trail.dropPartitionSql(args.name, given))
    const done = await trail.dropPartition(args.name, given)
    const freed = `${plural(done.events, "event")}, ${grouped(done.bytes_freed)} bytes`
    return {
      schema: "pgtrail.dropped_partition/1",
      columns: [{ name: "name" }, { name: "act", kind: "number" }, { name: "events", kind: "number" }],
      rows: [{ name: done.name, act: done.act, events: done.events }],
      document: { schema: "pgtrail.dropped_partition/1", ...done },
      text: done.refused
        ? `not dropped: ${done.message}`
        : [`${done.dry_run ? "would drop" : "dropped"} ${done.name}, ${freed}`, ...describeKept(done)].join(
            "\n",
          ),
      note: () =>
        done.refused
          ? "nothing was changed; next: pgtrail verify"
          : done.act === null
            ? undefined
            : `recorded as act ${done.act}`,
      exit: done.refused ? 1 : 0,
    }
  },
})
