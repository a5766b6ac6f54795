// pgtrail hold release: releases the holds of a case, by an act.
import { command, flag, reference, required, text } from "../../cli/command.js"
import { readSecret } from "../../cli/secret.js"
import { describeReleased } from "../../data/hold/describe.js"
import { namesOf } from "../../data/hold/hold.js"

export default command({
  summary: "release the holds of a case, by an act",
  description:
    "All holds of the case, by one act; what another case holds stays held. Nothing is removed by it: the answer says how many events no hold " +
    "keeps any more, which retention may purge when their time is over, and which archives may be removed again. Needs the role pgtrail_operator, and a signature where the setting " +
    "require-signed-acts is on.",
  options: {
    case: required(text("--case <id>", "the case")),
    reason: required(text("--reason <text>", "why; stays in the act, so no personal data")),
    requestedBy: text("--requested-by <who>", "who asked for it: a name, or the number of a request"),
    key: reference(
      "--key <reference>",
      "the private key that signs the act: file:PATH, env:NAME or cmd:COMMAND",
    ),
    count: flag("--no-count", "do not count the events"),
  },
  examples: [
    {
      run: 'pgtrail hold release --case 2026-114 --reason "settled"',
      shows: "the case holds nothing any more",
    },
  ],
  async run({ options, session }) {
    const key = options.key === undefined ? undefined : await readSecret(options.key, session.io)
    const released = await (await session.trail()).releaseHold(options.case, {
      reason: options.reason,
      requestedBy: options.requestedBy,
      key,
      count: options.count,
      signal: session.signal,
      progress: (doing) => session.progress(doing),
    })
    return {
      schema: "pgtrail.released_hold/1",
      columns: [{ name: "hold", kind: "number" }, { name: "names" }, { name: "act", kind: "number" }],
      rows: released.holds.map((hold) => ({ hold: hold.act, names: namesOf(hold), act: released.act })),
      document: { schema: "pgtrail.released_hold/1", ...released },
      text: describeReleased(released),
      note: `recorded as act ${released.act}`,
    }
  },
})
