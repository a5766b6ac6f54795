// pgtrail backup compare: is the backup still what the log says, and where it is not, who has the right bytes.
import { identity, readIdentity } from "../../cli/archive.js"
import { backupArgument, locateTyped, placeConfiguration } from "../../cli/backup.js"
import { between, command, configurable, count } from "../../cli/command.js"
import { storeContext } from "../../cli/store.js"
import { describeComparison } from "../../data/backup/compare-words.js"

export default command({
  summary: "compare a backup with the log: equal, or where they differ and who has the right bytes",
  description:
    "Reads both sides on one snapshot of the log, every event and every row of the other tables. What differs is explained, where it was appended, " +
    "purged, archived, restored or redacted since the backup, by the records of acts that are newer than it; whether these are sound is for " +
    "pgtrail verify to say. Of what nothing explains it names the first event of each lane, the columns that differ (values only of those that are " +
    "of no person and no content), and which side comes to the hash that stands with it: a file and a line of the backup, or the log.\n\n" +
    "pgtrail verify and pgtrail backup verify name every event that is altered or missing, and pgtrail backup restore --schema " +
    "puts the backup beside the log. A column that was redacted since differs as well; it is no reason to put a value back.\n\n" +
    "Exit code 0 where they are equal or all is explained, 1 where not or where the backup is not what its manifest says, or that is not the one that the log recorded, 4 where it was never finished or is of a later pgtrail. A backup of another log is refused. Takes a role that reads everything: " +
    "grant pg_read_all_data to ROLE. Changes nothing, and works on a standby.",
  args: { backup: backupArgument },
  configuration: placeConfiguration,
  configuredUnder: "backup create",
  options: {
    identity,
    jobs: configurable(between(1, 64, count("--jobs <n>", "files and partitions that are read at once", 2))),
  },
  examples: [
    { run: "pgtrail backup compare /srv/backup", shows: "the newest good backup there with the log" },
    {
      run: "pgtrail backup compare s3://audit/backups/backup-20261122T013000Z-a1b2c3 --json",
      shows: "one backup; of each lane that differs the first event, and how many",
    },
  ],
  async run({ args, options, configuration, session }) {
    const { store, name } = await locateTyped(args.backup, session, configuration, {
      nothing: "nothing was compared",
    })
    const { location } = store
    await store.close()
    const found = await (await session.trail()).compareBackup(`${location}/${name}`, {
      store: storeContext(session),
      identities: await readIdentity(options.identity, session),
      jobs: options.jobs,
      signal: session.signal,
      progress: (doing) => session.progress(doing),
    })
    for (const warning of found.warnings) session.warn(warning)
    const none = {
      organization_id: null,
      lane: null,
      seq: null,
      table: null,
      key: null,
      right: null,
      relation: null,
    }
    return {
      schema: "pgtrail.backup_difference/1",
      columns: [
        { name: "organization_id" },
        { name: "lane", kind: "number" },
        { name: "seq", kind: "number" },
        { name: "table" },
        { name: "key" },
        { name: "state" },
        { name: "columns" },
        { name: "right" },
        { name: "file" },
        { name: "line", kind: "number" },
        { name: "relation" },
        { name: "events", kind: "number" },
      ],
      rows: [
        ...found.differences.map(({ fields, ...one }) => ({
          ...none,
          ...one,
          columns: fields.map(({ column }) => column).join(" "),
        })),
        ...found.tables
          .filter(({ result }) => result === "differs")
          .map(({ name: table, first }) => ({
            ...none,
            table,
            key: first?.key ?? null,
            state: first?.state ?? "not in the log",
            columns: first?.columns.join(" ") ?? "",
            file: null,
            line: first?.line ?? null,
            events: null,
          })),
      ],
      document: { schema: "pgtrail.backup_comparison/1", ...found },
      text: () => describeComparison(found),
      exit: found.verdict === "differs" ? 1 : 0,
    }
  },
})
