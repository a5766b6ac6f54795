// pgtrail summary refresh: counts what the daily summaries lack. For cron.
import { command, count } from "../../cli/command.js"
import { describeRefreshed } from "../../data/summary/describe.js"

export default command({
  summary: "count the events that the daily summaries lack",
  description:
    "Each event is counted once, on the day (of UTC) that it occurred, however late it came; days from which events were purged are " +
    "counted anew. In transactions of 50,000 events: a run that is stopped has counted whole ones. Readers and writers do not wait, " +
    "and nothing goes wrong where it never runs: pgtrail stats then counts the events.\n\n" +
    "For cron, every few minutes; --quiet says nothing unless it fails. Exit code 5 where another run is at work, 1 where a rebuild " +
    "that was stopped turns out to have had cause. Needs the role pgtrail_operator.",
  options: { maxEvents: count("--max-events <n>", "stop after about so many, and say how many are left") },
  examples: [
    { run: "pgtrail summary refresh --quiet", shows: "nothing, in a crontab" },
    { run: "pgtrail summary refresh --max-events 1000000", shows: "how many are left" },
  ],
  async run({ options, session }) {
    const trail = await session.trail()
    const refreshed = await trail.refreshSummary({
      maxEvents: options.maxEvents,
      signal: session.signal,
      progress: (doing) => session.progress(doing),
    })
    const isRight = refreshed.wrong === "0"
    // In a crontab what is printed is mailed.
    const isSilent = session.quiet && isRight && session.format === "table" && session.fields === undefined
    return {
      schema: "pgtrail.refreshed_summary/1",
      columns: isSilent ? [] : Object.keys(refreshed).map((name) => ({ name, kind: "number" })),
      rows: isSilent ? [] : [{ ...refreshed }],
      document: { schema: "pgtrail.refreshed_summary/1", ...refreshed },
      ...(isSilent ? {} : { text: describeRefreshed(refreshed) }),
      exit: isRight ? 0 : 1,
    }
  },
})
