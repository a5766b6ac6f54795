// pgtrail summary rebuild: counts all daily summaries anew, and says which were wrong.
import { command, text } from "../../cli/command.js"
import { describeRefreshed } from "../../data/summary/describe.js"
import { grouped, plural } from "../../data/words.js"

export default command({
  summary: "count all daily summaries anew, and say which were wrong",
  description:
    "Reads every event that was counted, day by day, and compares. Exit code 1 where a summary was not what the events say, with the " +
    "days; they are right after it. The summaries are no evidence, and whoever owns the database can change them; but where it was " +
    "events that were changed, pgtrail verify finds that too. Then counts what is new, as pgtrail summary refresh does. A run that is " +
    "stopped is finished by the next refresh. Needs the role pgtrail_operator.",
  options: { org: text("--org <name>", "of this organization alone") },
  examples: [
    { run: "pgtrail summary rebuild", shows: "the days that were wrong, if any" },
    { run: "pgtrail summary rebuild --org acme --json", shows: "one row a day that was wrong" },
  ],
  async run({ options, session }) {
    const trail = await session.trail()
    const rebuilt = await trail.rebuildSummary({
      organization: options.org,
      signal: session.signal,
      progress: (doing) => session.progress(doing),
    })
    const { organizations, days, differences, refreshed } = rebuilt
    const wrong = differences.length === 0 ? "all were right" : `${grouped(differences.length)} wrong`
    return {
      schema: "pgtrail.summary_difference/1",
      columns: [
        { name: "organization_id", title: "organization" },
        { name: "day" },
        { name: "events_before", kind: "number" },
        { name: "events", kind: "number" },
        { name: "actors_before", kind: "number" },
        { name: "actors", kind: "number" },
      ],
      rows: differences.map((difference) => ({ ...difference })),
      ...(differences.length === 0
        ? { text: `${plural(days, "day")} of ${plural(organizations, "organization")}: ${wrong}` }
        : {}),
      note: [
        ...(differences.length === 0
          ? []
          : [
              `of ${plural(days, "day")}, ${wrong}; they are right now: pgtrail verify tells whether events were changed`,
            ]),
        describeRefreshed(refreshed),
      ].join("\n"),
      exit: differences.length === 0 && refreshed.wrong === "0" ? 0 : 1,
    }
  },
})
