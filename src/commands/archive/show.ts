// pgtrail archive show: one archive, its acts, what keeps it, and its files.
import { arg, command, text } from "../../cli/command.js"
import { storeContext } from "../../cli/store.js"
import { describeArchive } from "../../data/archive/words-show.js"
import { readLocation } from "../../data/store/location.js"

export default command({
  summary: "show an archive: its files, its acts, which rules keep it, what blocks its removal",
  description:
    "Which rules (a policy, with its floor) keep its events, and until when: it is past its keep when none does; --json has each kind of event. Of a hold " +
    "that names an actor, a resource or a request nobody can tell from outside whether it is on one of the events: it counts as being so. Sizes, hashes " +
    "and recipients of its files are those of the manifest, where it can be read and is the one that the act recorded; where it is not: exit code 4. Needs " +
    "the role pgtrail_auditor or pgtrail_operator for all of it.",
  args: { name: arg("the archive") },
  options: {
    at: text(
      "--at <place>",
      "where it lies, if not where it was put: a folder, s3://BUCKET/PREFIX, or table:",
    ),
  },
  examples: [
    {
      run: "pgtrail archive show event_2024_01-20240501T020000Z-1f2e3d",
      shows: "until when it is kept, and why",
    },
  ],
  async run({ args, options, session }) {
    const shown = await (await session.trail()).archive(args.name, {
      at: options.at === undefined ? undefined : readLocation(options.at, session.io.cwd),
      store: { ...storeContext(session), signal: session.signal },
    })
    return {
      schema: "pgtrail.archive_kind/1",
      columns: [
        ...[
          "organization_id",
          "event_type",
          "data_classification",
          "retention_policy",
          "compliance_tags",
        ].map((name) => ({ name })),
        { name: "events", kind: "number" },
        { name: "policy" },
        { name: "floor" },
        { name: "keep_days", kind: "number" },
        { name: "kept_until" },
      ],
      rows: (shown.kinds ?? []).map((kind) => ({ ...kind })),
      document: { schema: "pgtrail.archive_show/1", ...shown },
      text: describeArchive(shown),
      // Of one that was removed nothing is to be there, unless somebody says where.
      exit: shown.files === null && (shown.state !== "removed" || options.at !== undefined) ? 4 : 0,
    }
  },
})
