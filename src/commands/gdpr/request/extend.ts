// pgtrail gdpr request extend: two months more, once, by an act.
import { arg, command, required, text } from "../../../cli/command.js"
import { requestReport } from "../../../cli/request-report.js"

export default command({
  summary: "extend the time of a request by two months, once, by an act",
  description:
    "For requests that are many or complex: the person must be told so, and why, within the first month (Article 12(3)). An extension that comes later is recorded " +
    "as late. Needs the role pgtrail_privacy.",
  args: { request: arg("its number") },
  options: {
    reason: required(
      text("--reason <text>", "why, as the person is told; stays in the act, so no personal data"),
    ),
  },
  examples: [
    {
      run: 'pgtrail gdpr request extend 2026-7 --reason "many archives"',
      shows: "three months from its receipt",
    },
  ],
  async run({ args, options, session }) {
    const request = await (await session.trail()).extendRequest(args.request, options.reason)
    return requestReport(request, "tell the person so, and why")
  },
})
