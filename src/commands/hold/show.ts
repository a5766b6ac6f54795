// pgtrail hold show: a case, its holds with their acts, and what each of them holds.
import { arg, command, flag } from "../../cli/command.js"
import { describeHold } from "../../data/hold/describe.js"

export default command({
  summary: "show a case: its holds and their acts, and the events held, by organization and month",
  description:
    "The events are counted exactly, partition by partition, each once; --no-count does without. A hold that was released or has expired holds " +
    "none. Archives that may have events of it, by organization, type and time, are named: they cannot be removed. Needs the role pgtrail_auditor or pgtrail_operator.",
  args: { case: arg("the case") },
  options: { count: flag("--no-count", "do not count the events") },
  examples: [
    { run: "pgtrail hold show 2026-114", shows: "who held what and why, and how much of it there is" },
  ],
  async run({ args, options, session }) {
    const shown = await (await session.trail()).hold(args.case, {
      count: options.count,
      signal: session.signal,
      progress: (doing) => session.progress(doing),
    })
    return {
      schema: "pgtrail.held/1",
      columns: [
        { name: "act", kind: "number" },
        { name: "state" },
        { name: "organization_id" },
        { name: "month" },
        { name: "events", kind: "number" },
      ],
      rows: shown.holds.flatMap(({ act, state, held }) =>
        (held?.months ?? []).map((month) => ({ act, state, ...month })),
      ),
      document: { schema: "pgtrail.hold_show/1", ...shown },
      text: describeHold(shown),
    }
  },
})
