// pgtrail checkpoint keygen: a pair of keys, the private one for whoever signs, the public one for auditors.
import { command, file, required, text } from "../../cli/command.js"
import { createKeyFiles } from "../../data/checkpoint/keys.js"
import { TrailError } from "../../data/errors.js"
import { readTime } from "../../data/query/time.js"

/** Milliseconds. A checkpoint has the time of the server, whose clock may be behind this one. */
const clockDifference = 300_000

export default command({
  summary: "make the pair of keys that signs checkpoints",
  description:
    "Writes the private key to --out, for your user alone, and the public one beside it, with .pub behind the name. Neither is ever " +
    "written over, and neither is printed. Needs no database.\n\n" +
    "Keep the private key where the database's owner cannot read it; give the public one to every auditor. Its line says from when the " +
    "key is valid, and until when with --until: what was signed outside that time is not believed.",
  options: {
    name: required(text("--name <name>", "whose key it is: a host and what it is for")),
    out: required(file("--out <file>", "where the private key goes")),
    until: text("--until <time>", "when the key expires"),
  },
  examples: [
    {
      run: "pgtrail checkpoint keygen --name audit.example.com/log --out audit.key --until 2028-01-01",
      shows: "audit.key to sign with, audit.key.pub for the auditors",
    },
  ],
  async run({ options, session }) {
    const now = new Date()
    const since = readTime("now", "--since", new Date(now.getTime() - clockDifference))
    const until = options.until === undefined ? undefined : readTime(options.until, "--until", now)
    if (until !== undefined && until <= readTime("now", "--until", now)) {
      throw new TrailError("usage", `--until ${until} is over already`, {
        hint: "name a time to come: 2028-01-01",
      })
    }
    const out = session.path(options.out)
    const { name, keyId, ...period } = await createKeyFiles(out, { name: options.name, since, until })
    const row = { name, key_id: keyId, ...period, private_key: options.out, public_key: `${options.out}.pub` }
    return {
      schema: "pgtrail.checkpoint_key/1",
      columns: Object.keys(row).map((column) => ({ name: column })),
      rows: [row],
      text: [
        `private key: ${row.private_key}  keep it, readable by your user alone`,
        `public key:  ${row.public_key}  give it to the auditor`,
      ].join("\n"),
      note: `next: pgtrail checkpoint create --key file:${row.private_key} --out FILE`,
    }
  },
})
