// pgtrail profile install: another system's tables over the log.
import { arg, command, flag, list, text } from "../../cli/command.js"
import { describeInstall, document } from "../../cli/profile.js"
import { profileNamed } from "../../data/profile/profiles.js"
import { profileNames } from "../../data/profile/shape.js"

export default command({
  summary: "let another system's application write and read the log by its own tables",
  description:
    "Makes views with the system's names, columns and defaults; each row that is inserted through them becomes an event of the log, chained " +
    "like any other, with the id that it had. Lengths, required columns and checks are enforced as the system's tables did. UPDATE and " +
    "DELETE are refused. Tables that the system has beside its events are made as they are.\n\n" +
    "Where the system knows no organizations the views have the events of one, --org; another organization takes another schema, and one " +
    "organization is not put into two, where ids would be given twice. Where a name is taken nothing is done, and the error says how to bring " +
    "the rows in. All is one transaction and one act; may run again, also to grant further roles and after an " +
    "update of pgtrail; pgtrail profile revoke takes a role out again. What was dropped is made anew with the rights of its writers and readers; a table that is there is kept as it is, and what it " +
    "lacks is said.\n\n" +
    "A --writer may insert, and read what it needs for RETURNING. Sessions of a --writer and a --reader in this database have the time zone UTC " +
    "from the next connection on, so that times without a zone mean UTC; a role that logs in by a group's rights needs it set for itself, and until then its rows are refused. Connect as the role that installed the log.\n\n" +
    "It prints what a view cannot answer, with what to run instead. First of all: pg_dump -t of a view dumps no rows. Then what is stored and " +
    "what is not, and which filters reach an index.",
  args: { profile: arg(`one of ${profileNames.join(", ")}`, "required", profileNames) },
  options: {
    org: text(
      "--org <name>",
      "the organization whose events the views have, where the system knows none (default: the one that it had there, else default)",
    ),
    schema: text("--schema <schema>", "where the application looks for its tables", "public"),
    writer: list("--writer <role>", "a role that may insert; may be given several times"),
    reader: list("--reader <role>", "a role that may read; may be given several times"),
    dryRun: flag("--dry-run", "run everything, roll it back, and say what would be made"),
    printSql: flag("--print-sql", "print the SQL instead of running it, for psql -1"),
  },
  examples: [
    {
      run: "pgtrail profile install memoric --org acme --writer memoric_app",
      shows: "memoric's audit_logs in schema public; memoric_app may write it",
    },
    {
      run: "pgtrail profile install audit-db --schema audit --dry-run",
      shows: "what would be made in the schema audit",
    },
    {
      run: "pgtrail profile install mem0 --print-sql > mem0.sql",
      shows: "what a DBA reviews, and runs by psql -X -1 -v ON_ERROR_STOP=1 -f mem0.sql",
    },
  ],
  async run({ args, options: typed, session }) {
    const { name } = profileNamed(args.profile)
    const { schema, dryRun, writer, reader } = typed
    const options = { organization: typed.org, schema, writers: writer, readers: reader }
    const trail = await session.trail()
    if (typed.printSql) {
      const sql = await trail.profileSql(name, options)
      return { schema: "pgtrail.sql/1", columns: [{ name: "sql" }], rows: [{ sql }], text: sql }
    }
    session.progress("installing")
    const result = await trail.installProfile(name, { ...options, dryRun })
    return {
      schema: "pgtrail.profile_object/1",
      columns: [{ name: "kind" }, { name: "name" }, { name: "state" }],
      rows: result.objects.map(({ kind, name, state }) => ({ kind, name, state })),
      document: document("pgtrail.profile_install/1", result),
      text: describeInstall(result),
      note: () =>
        writer.length + reader.length === 0 || dryRun
          ? undefined
          : `times without a zone are UTC for ${[...writer, ...reader].join(", ")} from the next connection on`,
    }
  },
})
