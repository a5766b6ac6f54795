// pgtrail backup create: the whole log as files that verify and can be restored. For cron, and by hand.
import { shellWord } from "../../cli/again.js"
import { between, command, configurable, count, flag, list, required, text } from "../../cli/command.js"
import { storeContext } from "../../cli/store.js"
import { describeBackup } from "../../data/backup/words.js"
import { readLocation } from "../../data/store/location.js"

export default command({
  summary: "back the log up into files that verify, and can be restored",
  description:
    "A folder of its own at --to (a folder that is there, or s3://BUCKET/PREFIX) gets one file of compressed COPY text for each table and " +
    "partition, all of one snapshot, and at last manifest.json: without it a backup is not finished and none. A standby can be backed up too. It is recorded as an act where the role may.\n\n" +
    "Whoever appends or reads never waits for it, nor it for them. DROP, TRUNCATE and ALTER of a table or partition, and a purge of it, wait while its file is " +
    "written; it waits for them too, for a minute at most, and then says which table is locked. A partition that is purged or built anew meanwhile makes it begin again, with what it has; the third time " +
    "it keeps all tables as they are to its end.\n\n" +
    "--incremental takes over the files of partitions in which nothing was added, removed or redacted since the last one there (by links, so " +
    "that each backup is whole by itself). In a folder each such file is read and compared with the sha256 of its manifest first, and read from the log where it differs; in a bucket it is copied there unread. The DEFAULT partition is always read: no act tells what was moved out of it. " +
    "Nothing is taken from a backup that a verification found bad, nor from one whose manifest is not the one that the log recorded. What somebody changed by hand in the log pgtrail verify and backup compare find, and not this; what was interrupted is gone on with the same way. --recipient encrypts with age: the host that " +
    "backs up cannot read its backups. manifest.json and the lists of heads and runs stay readable: they have the names of tables and organizations, and numbers of events, and no event. With --org it has the rows of one organization, and tables that say nothing of organizations: among these all acts, with the names of other organizations and of roles, and the cases and reasons of all. Who is given it reads them.\n\n" +
    "Takes a role that reads everything: grant pg_read_all_data to ROLE.",
  options: {
    to: required(configurable(text("--to <place>", "a folder, or s3://BUCKET/PREFIX"))),
    incremental: flag("--incremental", "take over what has not changed since the last backup there"),
    partition: text("--partition <name>", "only this partition, and all tables"),
    org: text("--org <organization>", "only rows of this organization"),
    recipient: configurable(list("--recipient <key>", "encrypts to this public key: age1...")),
    jobs: configurable(between(1, 64, count("--jobs <n>", "files that are read and written at once", 2))),
    level: configurable(between(1, 9, count("--level <n>", "of gzip", 6))),
    dryRun: flag("--dry-run", "say what would be read and taken over; write nothing"),
  },
  examples: [
    { run: "pgtrail backup create --to /srv/backup --incremental --quiet", shows: "nothing, in a crontab" },
    {
      run: "pgtrail backup create --to s3://audit/backups --jobs 4 --recipient age1...",
      shows: "an encrypted one, in a bucket",
    },
  ],
  async run({ options, session }) {
    const { to, org, recipient, ...plain } = options
    const made = await (await session.trail()).createBackup({
      ...plain,
      to: readLocation(to, session.io.cwd),
      store: storeContext(session),
      organization: org,
      recipients: recipient,
      signal: session.signal,
      progress: (doing) => session.progress(doing),
    })
    for (const warning of made.warnings) session.warn(warning)
    const isTable = session.format === "table" && session.fields === undefined
    // In a crontab what is printed is mailed.
    const isSilent = session.quiet && isTable
    const { seconds: _, warnings: __, ...row } = made
    return {
      schema: "pgtrail.backup_run/1",
      columns: isSilent ? [] : columns,
      rows: isSilent ? [] : [row],
      document: { schema: "pgtrail.backup_run/1", ...made },
      ...(isTable && !isSilent ? { text: describeBackup(made) } : {}),
      note: () => {
        // Of a place the newest is verified, which may be one of the whole log that somebody made since.
        const isPart = made.partition !== null || made.organization !== null
        const place = shellWord(isPart ? `${to.replace(/\/+$/, "")}/${made.name}` : to)
        const identity = made.encrypted ? " --identity file:KEYFILE" : ""
        const next = made.name === null ? undefined : `next: pgtrail backup verify ${place}${identity}`
        const why =
          made.not_recorded === null ? undefined : `this backup was not recorded: ${made.not_recorded}`
        const told = [why, next].filter(Boolean).join("\n")
        return told === "" ? undefined : told
      },
    }
  },
})

const number = <Name extends string>(name: Name) => ({ name, kind: "number" }) as const

const columns = [
  { name: "name", whole: true },
  { name: "location" },
  ...(["tables", "partitions", "events", "bytes", "taken_over", "act"] as const).map(number),
  { name: "manifest", whole: true },
]
