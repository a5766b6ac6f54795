// pgtrail checkpoint verify: is this file what was signed. Needs no database, and asks none.
import { arg, command, configurable, list, required } from "../../cli/command.js"
import { openCheckpoint, readKeyFiles } from "../../data/checkpoint/anchor.js"

export default command({
  summary: "check a checkpoint's signature and its list of heads, without a database",
  description:
    "Exit code 0: both files are what the key signed, at a time at which the key was valid. 1: the note or the heads were forged, " +
    "edited or cut off, or the key had expired. 2: it was signed by none of the keys given. 3: a file cannot be read.\n\n" +
    "Whether the log still is what the checkpoint says, pgtrail verify --checkpoint tells.",
  args: { file: arg("the note; its list of heads lies beside it, with .heads behind the name") },
  options: {
    publicKey: configurable(required(list("--public-key <file>", "file of public keys that are believed"))),
  },
  examples: [
    {
      run: "pgtrail checkpoint verify 2026-11.checkpoint --public-key audit.key.pub",
      shows: "what it says, if it is what was signed",
    },
  ],
  async run({ args, options, session }) {
    const keys = await readKeyFiles(options.publicKey.map((path) => session.path(path)))
    const checkpoint = await openCheckpoint(session.path(args.file), keys)
    const { logId, incarnation, events, lanes, digest, act, time, key } = checkpoint
    const facts: readonly (readonly [name: string, value: string | null])[] = [
      ["log_id", logId],
      ["incarnation", incarnation],
      ["time", time],
      ["events", events],
      ["lanes", lanes],
      ["digest", digest],
      ["act", act?.seq ?? null],
      ["act_hash", act?.hash ?? null],
      ["key", `${key.name}+${key.keyId}`],
      ["key_since", key.since ?? null],
      ["key_until", key.until ?? null],
    ]
    return {
      schema: "pgtrail.checkpoint_statement/1",
      columns: [{ name: "name" }, { name: "value" }],
      rows: facts.map(([name, value]) => ({ name, value })),
      document: { schema: "pgtrail.checkpoint_statement/1", verified: true, ...Object.fromEntries(facts) },
      note: "the signature and the list of heads are good; whether the log still has them: pgtrail verify --checkpoint",
    }
  },
})
