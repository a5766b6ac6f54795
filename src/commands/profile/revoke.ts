// pgtrail profile revoke: a role is taken out of a profile, which stays.
import { arg, command, flag, list, text } from "../../cli/command.js"
import { describeRevocation, document } from "../../cli/profile.js"
import { profileNamed } from "../../data/profile/profiles.js"
import { profileNames } from "../../data/profile/shape.js"

export default command({
  summary: "take a role out of a profile, by an act",
  description:
    "The reverse of pgtrail profile install --writer and --reader: whatever the role has on the objects of the profile goes, in one " +
    "transaction with the act that records it; the profile, its events and its other roles stay. A role that is both and is taken out as one keeps " +
    "what it needs as the other. It prints what the role keeps beside that (the time zone UTC in this database, the right to use the schema, and " +
    "what it may do by a role that it is a member of), with the command that ends it. Sessions that are open lose the rights at their next statement.",
  args: { profile: arg(`one of ${profileNames.join(", ")}`, "required", profileNames) },
  options: {
    schema: text("--schema <schema>", "where it is installed", "public"),
    writer: list("--writer <role>", "a role that may insert no more; may be given several times"),
    reader: list("--reader <role>", "a role that may read no more; may be given several times"),
    dryRun: flag("--dry-run", "run everything, roll it back, and say what would be taken"),
  },
  examples: [
    {
      run: "pgtrail profile revoke memoric --writer memoric_app",
      shows: "memoric_app no longer writes memoric's audit_logs",
    },
    {
      run: "pgtrail profile revoke audit-db --schema audit --reader analyst --dry-run",
      shows: "what analyst would lose, and what it would keep",
    },
  ],
  async run({ args, options: { schema, writer, reader, dryRun }, session }) {
    const { name } = profileNamed(args.profile)
    const result = await (await session.trail()).revokeProfile(name, {
      schema,
      writers: writer,
      readers: reader,
      dryRun,
    })
    const state = dryRun ? "would be taken out" : "taken out"
    return {
      schema: "pgtrail.profile_role/1",
      columns: [{ name: "role" }, { name: "as" }, { name: "state" }],
      rows: [
        ...result.writers.map((role) => ({ role, as: "writer", state })),
        ...result.readers.map((role) => ({ role, as: "reader", state })),
      ],
      document: document("pgtrail.profile_revocation/1", result),
      text: describeRevocation(result),
    }
  },
})
