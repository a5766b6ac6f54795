// pgtrail archive create: moves events into files elsewhere, which still verify. For cron, and by hand.
import {
  between,
  command,
  configurable,
  count,
  flag,
  list,
  patience,
  reference,
  required,
  text,
} from "../../cli/command.js"
import { readSecret } from "../../cli/secret.js"
import { storeContext } from "../../cli/store.js"
import { adviceOf, describeRun } from "../../data/archive/words.js"
import { readDuration } from "../../data/duration.js"
import { readPeriod } from "../../data/query/time.js"
import { readLocation } from "../../data/store/location.js"

export default command({
  summary: "move events out of the table into files that still verify",
  description:
    "Partition by partition, oldest first: its rows are written as gzip of COPY text with a manifest, read back, and only then purged, if the " +
    "database comes to the same events under its lock; the act has the archive's name, place and digest. The chains stay whole: pgtrail verify " +
    "--archive PLACE reads both as one. What a hold is on stays in the table, and what does not verify (exit 1).\n\n" +
    "--due takes what policies let leave the table (retention policy set --archive-after), and tries again what failed before. Else --partition, or a " +
    "time, up to the partition of today: these ask no policy and no grace. --to is a folder that is there (a mounted one too), s3://BUCKET/PREFIX, or " +
    "table: for the database itself; a place that is not there stops the run before anything. --recipient encrypts with age. A partition that cannot be " +
    "archived is noted, loses nothing, and the others have their turn (exit 3). In a crontab: --due --quiet. One run at a time, of retention too: exit " +
    "code 5. Needs the roles pgtrail_operator and pgtrail_reader.",
  options: {
    due: flag("--due", "what policies let leave the table, and what failed before"),
    partition: text("--partition <name>", "all of this partition"),
    since: text("--since <time>", "what occurred at this time or later"),
    until: text("--until <time>", "what occurred before this time"),
    org: text("--org <organization>", "only events of this organization"),
    to: required(configurable(text("--to <place>", "a folder, s3://BUCKET/PREFIX, or table:"))),
    recipient: configurable(list("--recipient <key>", "encrypts to this public key: age1...")),
    level: configurable(between(1, 9, count("--level <n>", "of gzip", 6))),
    maxPartitions: count("--max-partitions <n>", "stop after so many partitions from which something went"),
    maxSeconds: count("--max-seconds <n>", "begin no further partition after so many seconds"),
    reason: text("--reason <text>", "why; stays in the acts", "archive"),
    requestedBy: text("--requested-by <who>", "who asked for it: a name, or the number of a request"),
    key: configurable(
      reference(
        "--key <reference>",
        "the private key that signs the acts: file:PATH, env:NAME or cmd:COMMAND",
      ),
    ),
    patience,
    dryRun: flag("--dry-run", "read and verify the same, and say what would go; change nothing"),
  },
  examples: [
    { run: "pgtrail archive create --due --to /srv/archive --quiet", shows: "nothing, in a crontab" },
    { run: "pgtrail archive create --partition event_2024_01 --to s3://audit/2024", shows: "one partition" },
  ],
  async run({ options, session }) {
    const key = options.key === undefined ? undefined : await readSecret(options.key, session.io)
    const { to, org, recipient, requestedBy, ...plain } = options
    const run = await (await session.trail()).createArchives({
      ...plain,
      ...readPeriod(options, new Date()),
      to: readLocation(to, session.io.cwd),
      store: storeContext(session),
      organization: org,
      recipients: recipient,
      requestedBy,
      key,
      patienceMs: readDuration(options.patience, "--patience"),
      explain: !session.quiet,
      signal: session.signal,
      progress: (doing) => session.progress(doing),
    })
    const isTable = session.format === "table" && session.fields === undefined
    const isWell = run.unsound === "0" && run.failed.length === 0
    // In a crontab what is printed is mailed.
    const isSilent = session.quiet && isWell && isTable
    return {
      schema: "pgtrail.archived_partition/1",
      columns: isSilent ? [] : columns,
      rows: isSilent ? [] : run.partitions.map(({ policies: _, ...one }) => one),
      document: { schema: "pgtrail.archive_run/1", ...run },
      ...(isTable && !isSilent ? { text: describeRun(run) } : {}),
      note: () => adviceOf(run),
      exit: run.unsound !== "0" ? 1 : run.failed.length > 0 ? 3 : 0,
    }
  },
})

const number = <Name extends string>(name: Name) => ({ name, kind: "number" }) as const

const columns = [
  { name: "partition" },
  { name: "archive", whole: true },
  { name: "location" },
  { name: "method" },
  ...(["act", "events", "bytes", "bytes_freed", "held", "unsound", "fresh"] as const).map(number),
]
