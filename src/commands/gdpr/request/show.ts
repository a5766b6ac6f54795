// pgtrail gdpr request show: one request of the register, what answered it, and whom to tell.
import { arg, command } from "../../../cli/command.js"
import { requestReport } from "../../../cli/request-report.js"

export default command({
  summary: "show a request: its times, what answered it, and whom to tell",
  description:
    "What exports, archives and backups had the person's events is noted when it is answered (--request of the other commands): who got them must be told of an " +
    "erasure, rectification or restriction (Article 19). Needs the role pgtrail_privacy, pgtrail_operator or pgtrail_auditor.",
  args: { request: arg("its number") },
  examples: [{ run: "pgtrail gdpr request show 2026-7", shows: "all of it" }],
  async run({ args, session }) {
    return requestReport(await (await session.trail()).subjectRequest(args.request))
  },
})
