// pgtrail checkpoint create: what the log is now, signed, in two files outside the database.
import { command, configurable, file, reference, required } from "../../cli/command.js"
import { readSecret } from "../../cli/secret.js"
import { grouped } from "../../data/words.js"

export default command({
  summary: "sign what the log is now, into files outside the database",
  description:
    "Writes a signed note with the digest of the heads of all chains, and beside it the list of those heads. Only what is kept " +
    "outside the database shows that its owner rewrote it from end to end, or put back an old copy: bring both files where he cannot " +
    "change them, and verify with --checkpoint. The format is in FORMAT.md; the note is one of C2SP.\n\n" +
    "The checkpoint is an act, which is on the server's disk before anything is signed. Needs the role pgtrail_operator, and a primary.",
  options: {
    key: configurable(
      required(reference("--key <reference>", "the private key: file:PATH, env:NAME or cmd:COMMAND")),
    ),
    out: required(file("--out <file>", "the note; the heads go to the same name with .heads behind it")),
  },
  examples: [
    {
      run: "pgtrail checkpoint create --key file:audit.key --out 2026-11.checkpoint",
      shows: "2026-11.checkpoint and 2026-11.checkpoint.heads",
    },
    {
      run: 'pgtrail checkpoint create --key "cmd:age -d -i id.txt audit.key.age" --out 2026-11.checkpoint',
      shows: "with a key that is kept encrypted",
    },
  ],
  async run({ options, session }) {
    const key = await readSecret(options.key, session.io)
    const trail = await session.trail()
    session.progress("reading the heads")
    const made = await trail.createCheckpoint({ key, out: session.path(options.out) })
    const { lanes, events, digest, time } = made
    const [checkpoint, heads] = made.files
    const row = {
      seq: made.act.seq,
      recorded_at: time,
      log_id: made.logId,
      incarnation: made.incarnation,
      lanes,
      events,
      digest,
      key: made.key,
      checkpoint,
      heads,
    }
    const numbers = ["seq", "incarnation", "lanes", "events"]
    return {
      schema: "pgtrail.checkpoint/1",
      columns: Object.keys(row).map((name) => ({
        name,
        ...(numbers.includes(name) ? { kind: "number" as const } : {}),
      })),
      rows: [row],
      text: [
        `${grouped(events)} ${events === "1" ? "event" : "events"} in ${grouped(lanes)} ${lanes === "1" ? "lane" : "lanes"} at ${time}, recorded as act ${made.act.seq}`,
        `  ${options.out}`,
        `  ${options.out}.heads`,
      ].join("\n"),
      note: "next: bring both files where the owner of the database cannot change them",
    }
  },
})
