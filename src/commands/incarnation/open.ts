// pgtrail incarnation open: after a restore, records what is lost, so that verify can report it as lost and not as tampered with.
import { choice, command, file, flag, list, required, text } from "../../cli/command.js"
import { readSecret } from "../../cli/secret.js"
import { describeIncarnation } from "../../data/checkpoint/describe.js"
import { incarnationReasons } from "../../data/checkpoint/incarnation.js"

export default command({
  summary: "record a restore, recovery, failover or copy, and what it lost",
  description:
    "Compares the last checkpoint with the log. The lanes that no longer reach its heads have lost events: that is recorded as an act, " +
    "and verify reports them as lost from then on. Opens an incarnation where nothing is lost too; a copy gets a log id of its " +
    "own.\n\nEvents that were changed are not lost: verify finds them before and after. Nor are events that are missing while the act of the " +
    "checkpoint is still there: the log was not set back, and that is refused. Needs the role pgtrail_operator, and a " +
    "signature where the setting require-signed-acts is on.",
  options: {
    reason: required(choice("--reason <reason>", "what happened to the log", incarnationReasons)),
    checkpoint: required(file("--checkpoint <file>", "the last checkpoint before; its heads lie beside it")),
    publicKey: required(list("--public-key <file>", "file of public keys that are believed")),
    key: text("--key <reference>", "the private key that signs the act: file:PATH, env:NAME or cmd:COMMAND"),
    dryRun: flag("--dry-run", "do everything, roll it back, and say what would be lost"),
  },
  examples: [
    {
      run: "pgtrail incarnation open --reason restore --checkpoint last.note --public-key audit.key.pub --dry-run",
      shows: "what a restored backup lacks",
    },
  ],
  async run({ options, session }) {
    const key = options.key === undefined ? undefined : await readSecret(options.key, session.io)
    const trail = await session.trail()
    session.progress("comparing the checkpoint with the log")
    const opened = await trail.openIncarnation({
      reason: options.reason,
      checkpoint: session.path(options.checkpoint),
      publicKeys: options.publicKey.map((path) => session.path(path)),
      key,
      dryRun: options.dryRun,
    })
    return {
      schema: "pgtrail.loss/1",
      columns: ["organization_id", "lane", "kept_seq", "lost_seq"].map((name) => ({
        name,
        ...(name === "organization_id" ? {} : { kind: "number" as const }),
      })),
      rows: opened.lost.map((lane) => ({ ...lane })),
      document: { schema: "pgtrail.opened_incarnation/1", dry_run: options.dryRun, ...opened },
      text: describeIncarnation(opened),
      note: () =>
        options.dryRun ? undefined : "next: pgtrail verify, then a new checkpoint: pgtrail checkpoint create",
    }
  },
})
