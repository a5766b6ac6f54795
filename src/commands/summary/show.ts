// pgtrail summary show: the daily summaries, and how far they reach.
import { command, text } from "../../cli/command.js"
import { describePeriod, readPeriod } from "../../data/query/time.js"
import { readLimit } from "../../data/query/typed.js"
import { plural } from "../../data/words.js"

export default command({
  summary: "show the daily summaries, newest day first, and how far they reach",
  description:
    "What pgtrail summary refresh has counted: events, failed ones (outcome failure, denied or error), different actors and bytes of " +
    "each day of UTC. pgtrail stats adds what they lack; this shows what they have. complete is false where events of the day were " +
    "purged since, until the next refresh.",
  options: {
    org: text("--org <name>", "of this organization"),
    since: text("--since <time>", "of this day or later"),
    until: text("--until <time>", "of days that begin before this time"),
    limit: text("--limit <n>", 'at most this many days, or "all"', "31"),
  },
  examples: [
    { run: "pgtrail summary show --org acme", shows: "the last 31 days of acme" },
    { run: "pgtrail summary show --since 2026-07 --until 2026-08 --format csv", shows: "July, day by day" },
  ],
  async run({ options, session }) {
    const period = readPeriod(options, new Date())
    const limit = readLimit(options.limit)
    const trail = await session.trail()
    const shown = await trail.summary({ organization: options.org, ...period, limit })
    const { days, more, behind, days_left: waiting } = shown
    const time = describePeriod(period)
    const notes = [
      ...(days.length === 0
        ? [time === undefined ? "no day has been counted" : "no day of this time has been counted"]
        : []),
      ...(more ? ["more days: --limit all"] : []),
      ...(behind === "0" ? [] : [`${plural(behind, "event")} not counted yet: pgtrail summary refresh`]),
      ...(waiting === "0" ? [] : [`${plural(waiting, "day")} to be counted again: pgtrail summary refresh`]),
      ...(time === undefined ? [] : [`time: ${time}`]),
    ]
    return {
      schema: "pgtrail.summary_day/1",
      columns: [
        { name: "day" },
        { name: "organizations", kind: "number" },
        { name: "events", kind: "number" },
        { name: "failed", kind: "number" },
        { name: "actors", kind: "number" },
        { name: "data_size_bytes", kind: "number" },
        { name: "complete", kind: "boolean" },
      ],
      rows: days.map((day) => ({ ...day })),
      ...(notes.length === 0 ? {} : { note: notes.join("\n") }),
    }
  },
})
