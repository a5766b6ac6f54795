// pgtrail archive restore: brings the events of an archive back.
import { identity, readIdentity } from "../../cli/archive.js"
import { arg, command, configurable, patience, reference, required, text } from "../../cli/command.js"
import { readSecret } from "../../cli/secret.js"
import { storeContext } from "../../cli/store.js"
import { describeRestored } from "../../data/archive/words.js"
import { readDuration } from "../../data/duration.js"
import { readLocation } from "../../data/store/location.js"

export default command({
  summary: "bring the events of an archive back into the log, or beside it, by an act",
  description:
    "With the same bytes: each is checked by its hash, and all of them by the digest that the act of the archive has, in the database itself, or " +
    "nothing is restored (exit 1). The partition of their time is made where it is missing. They stay for the setting retention-grace at least; what " +
    "is to stay longer needs a hold.\n\n" +
    "--schema loads them into a plain table SCHEMA.event instead, for somebody who is to look at them: the log stays as it is, and the act says " +
    "so. A schema that is not there is made. The archive itself stays where it is in any case. Needs the role pgtrail_operator; --schema pgtrail_reader " +
    "too, and the right CREATE on that schema, or on the database where it is not there.",
  args: { name: arg("the archive") },
  options: {
    reason: required(text("--reason <text>", "why; stays in the act")),
    requestedBy: text("--requested-by <who>", "who asked for it: a name, or the number of a request"),
    schema: text("--schema <schema>", "into a table event of this schema, beside the log"),
    from: text(
      "--from <place>",
      "where it lies, if not where it was put: a folder, s3://BUCKET/PREFIX, or table:",
    ),
    identity,
    key: configurable(
      reference(
        "--key <reference>",
        "the private key that signs the act: file:PATH, env:NAME or cmd:COMMAND",
      ),
    ),
    patience,
  },
  examples: [
    {
      run: 'pgtrail archive restore event_2024_01-20240501T020000Z-1f2e3d --reason "case 2026-114"',
      shows: "its events, in the log again",
    },
  ],
  async run({ args, options, session }) {
    const key = options.key === undefined ? undefined : await readSecret(options.key, session.io)
    const identities = await readIdentity(options.identity, session)
    const done = await (await session.trail()).restoreArchive(args.name, {
      reason: options.reason,
      requestedBy: options.requestedBy,
      schema: options.schema,
      from: options.from === undefined ? undefined : readLocation(options.from, session.io.cwd),
      identities,
      key,
      store: storeContext(session),
      patienceMs: readDuration(options.patience, "--patience"),
      signal: session.signal,
      progress: (doing) => session.progress(doing),
    })
    return {
      schema: "pgtrail.restored_archive/1",
      columns: [
        { name: "name" },
        { name: "act", kind: "number" },
        { name: "events", kind: "number" },
        { name: "schema_name" },
      ],
      rows: [{ name: done.name, act: done.act, events: done.events, schema_name: done.schema_name }],
      document: { schema: "pgtrail.restored_archive/1", ...done },
      text: describeRestored(done),
      note: () => `recorded as act ${done.act}`,
    }
  },
})
