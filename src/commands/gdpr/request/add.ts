// pgtrail gdpr request add: enters a person's request into the register, by an act.
import { arg, command, text } from "../../../cli/command.js"
import { requestReport } from "../../../cli/request-report.js"
import { TrailError } from "../../../data/errors.js"
import { readTime } from "../../../data/query/time.js"
import { requestKinds } from "../../../data/subject/request.js"

export default command({
  summary: "enter a person's request into the register, by an act",
  description:
    "A request must be answered within one calendar month of its receipt (Article 12(3)): one of 31 January by the end of the last of February, in UTC. pgtrail status warns " +
    "seven days before that, and when it is late. The register names nobody: give it the number that the person's file has. --request of gdpr export, " +
    "erase, pseudonymize, restrict and rectify then notes what answered it. Needs the role pgtrail_privacy.",
  args: {
    kind: arg(
      "what is asked for: access, portability, erasure, rectification, restriction or objection",
      "required",
      requestKinds,
    ),
  },
  options: {
    received: text("--received <time>", "when it came; without it, now"),
    id: text("--id <number>", "its number; without it, the year and the next number"),
    note: text("--note <text>", "for whoever works on it; no personal data"),
  },
  examples: [
    { run: "pgtrail gdpr request add erasure --received 2026-01-31", shows: "enters it: due 2026-02-28" },
  ],
  async run({ args, options, session }) {
    const kind = requestKinds.find((known) => known === args.kind)
    if (kind === undefined) {
      throw new TrailError("usage", `a request is of ${requestKinds.join(", ")}`, {
        hint: "nothing was entered",
      })
    }
    const received =
      options.received === undefined ? undefined : readTime(options.received, "--received", new Date())
    const trail = await session.trail()
    const made = await trail.addRequest({ kind, received, request: options.id, note: options.note })
    return requestReport(made)
  },
})
