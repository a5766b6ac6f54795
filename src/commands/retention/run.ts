// pgtrail retention run: purges what no rule keeps any more. For cron.
import { command, configurable, count, flag, patience, type Row, reference, text } from "../../cli/command.js"
import { readSecret } from "../../cli/secret.js"
import { readDuration } from "../../data/duration.js"
import type { PurgedPartition } from "../../data/retention/run-options.js"
import { adviceOf, describeRun, unarchivedWords } from "../../data/retention/run-words.js"

export default command({
  summary: "purge what no rule keeps any more, with a record; for cron",
  description:
    "Partition by partition, oldest first, detached ones too, DEFAULT last. What it would purge it verifies: what does not verify is evidence " +
    "and stays (exit 1), unless --despite-findings says so, which the act keeps. What a hold is on stays, and what has not yet been in the log for " +
    "the setting retention-grace. What was due for an archive and never got one goes as well when its keep is over, and is counted (unarchived). A partition of which all goes is dropped, one of more than 1 MB of which a quarter goes is built anew without it; else rows are " +
    "deleted, 100,000 an act, whose bytes stay in the files until VACUUM FULL. Each act is a transaction of its own.\n\n" +
    "For cron, every night; no prompt, and --quiet says nothing where nothing went wrong. One at a time: exit code 5 where another run is at " +
    "work. A partition that could not be locked within --patience is left (exit 3), the others have their turn. A run that stops at its own " +
    "limits ends with exit code 0, and says what it did not look at (in json remaining is null then); the next one goes on. What --max-rows cuts is deleted " +
    "row by row. Run pgtrail summary refresh after " +
    "it: days from which events went are counted anew. Needs the role pgtrail_operator, --despite-findings pgtrail_auditor too.",
  options: {
    org: text("--org <organization>", "only events of this organization"),
    maxRows: count("--max-rows <n>", "stop after so many events, and say how many are left"),
    maxSeconds: count("--max-seconds <n>", "begin no further partition or portion after so many seconds"),
    maxPartitions: count("--max-partitions <n>", "stop after so many partitions from which something went"),
    requireBackup: text(
      "--require-backup <age>",
      "purge nothing unless a backup of the whole log is recorded that is younger: 26h",
    ),
    patience,
    requestedBy: text("--requested-by <who>", "who asked for it: a name, or the number of a request"),
    key: configurable(
      reference(
        "--key <reference>",
        "the private key that signs the acts: file:PATH, env:NAME or cmd:COMMAND",
      ),
    ),
    despiteFindings: flag(
      "--despite-findings",
      "purge what does not verify as well; the acts name the findings",
    ),
    dryRun: flag("--dry-run", "read and verify the same, and say what would go; change nothing"),
  },
  examples: [
    { run: "pgtrail retention run --quiet", shows: "nothing, in a crontab" },
    { run: "pgtrail retention run --dry-run --json", shows: "what would go, from which partitions and how" },
    { run: "pgtrail retention run --max-seconds 3600", shows: "an hour's work; the next night goes on" },
  ],
  async run({ options, session }) {
    const key = options.key === undefined ? undefined : await readSecret(options.key, session.io)
    const trail = await session.trail()
    const { requireBackup } = options
    const run = await trail.runRetention({
      organization: options.org,
      maxRows: options.maxRows,
      maxSeconds: options.maxSeconds,
      maxPartitions: options.maxPartitions,
      requireBackupMs:
        requireBackup === undefined ? undefined : readDuration(requireBackup, "--require-backup"),
      patienceMs: readDuration(options.patience, "--patience"),
      requestedBy: options.requestedBy,
      key,
      despiteFindings: options.despiteFindings,
      dryRun: options.dryRun,
      signal: session.signal,
      progress: (doing) => session.progress(doing),
    })
    const isWell = run.unsound === "0" && run.failed.length === 0
    const isTable = session.format === "table"
    // In a crontab what is printed is mailed.
    const isSilent = session.quiet && isWell && isTable && session.fields === undefined
    // The summary says it, where there is one: no table is silent about it.
    if (isSilent || session.format !== "table") for (const words of unarchivedWords(run)) session.warn(words)
    return {
      schema: "pgtrail.retention_partition/1",
      columns: isSilent
        ? []
        : [
            { name: "name" },
            { name: "method" },
            ...(run.dry_run
              ? [
                  { name: "policy" },
                  { name: "floor", onRequest: true },
                  { name: "keep_days", kind: "number" as const },
                ]
              : []),
            ...(["events", "held", "unsound", "remaining"] as const).map(number),
            { ...number("fresh"), onRequest: isTable },
            number("bytes_freed"),
          ],
      rows: isSilent ? [] : run.partitions.flatMap((one) => (run.dry_run ? byPolicy(one) : [plain(one)])),
      document: { schema: "pgtrail.retention_run/1", ...run },
      // A dry run shows its table, where there is anything in it.
      ...(isSilent || (run.dry_run && run.partitions.length > 0) ? {} : { text: describeRun(run) }),
      note: () => (run.dry_run && isTable ? describeRun(run) : adviceOf(run)),
      exit: run.unsound !== "0" ? 1 : run.failed.length > 0 ? 3 : 0,
    }
  },
})

const number = <Name extends string>(name: Name) => ({ name, kind: "number" }) as const

const plain = ({ acts: _, policies: __, unarchived: ___, ...partition }: PurgedPartition): Row => partition

/** What stays, and the bytes, are told of the partition as a whole: once. */
function byPolicy(partition: PurgedPartition): Row[] {
  const { name, method, policies } = partition
  const [first, ...others] = policies
  return [
    { ...plain(partition), ...first, policy: first?.policy ?? null, floor: first?.floor ?? null },
    ...others.map((policy) => ({ name, method, ...policy })),
  ].map((row) => ({ ...empty, ...row }))
}

const empty = {
  keep_days: null,
  held: null,
  unsound: null,
  remaining: null,
  fresh: null,
  bytes_freed: null,
}
