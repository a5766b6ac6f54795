// pgtrail stats: how many events there were, of what, by whom, and how many failed.
import { command, type Report, type Row, text } from "../cli/command.js"
import { withDetached } from "../cli/detached-note.js"
import { describeFilter, eventFilterOptions, readEventFilter } from "../cli/event-filter.js"
import { readLimit } from "../data/query/typed.js"
import { describeSource, describeStats } from "../data/stats/describe.js"
import { dimensions, readDimensions, type Stats } from "../data/stats/options.js"

export default command({
  summary: "count events: in all, failed, by type, and by whatever is asked",
  description:
    "Failed are events with the outcome failure, denied or error; users are different actor ids. Whole days of UTC are answered from the " +
    "daily summaries (pgtrail summary), with what they lack yet counted from the events, so that the answer is always that of a full " +
    "count; a note says which. Everything else, and what a bound reader asks, is counted from the events, partition by partition.\n\n" +
    "--json is one object: total_events, failed_operations, unique_users, events_by_type, data_size_bytes and groups. csv and ndjson " +
    "have one row for all, one for each group, and one for what --limit left out of a dimension, with the number of its values in others: " +
    "the rows of a dimension sum up to all.",
  options: {
    ...eventFilterOptions,
    by: text("--by <a,b>", `count by these too: ${dimensions.join(", ")}`),
    limit: text("--limit <n>", 'groups that are told one by one, or "all"', "10"),
  },
  examples: [
    { run: "pgtrail stats --org acme --since 7d", shows: "the last seven days at acme" },
    {
      run: "pgtrail stats --since 2026-07 --until 2026-08 --by day,actor",
      shows: "July, day by day, and who did most",
    },
    {
      run: "pgtrail stats --outcome denied --since -24h --by actor,resource",
      shows: "who was turned away from what",
    },
  ],
  async run({ options, session }) {
    const { by: typed, limit: most, ...chosen } = options
    const filter = readEventFilter(chosen)
    const by = typed === undefined ? [] : readDimensions(typed)
    const limit = readLimit(most) ?? Number.POSITIVE_INFINITY
    const trail = await session.trail()
    const stats = await trail.stats({
      ...filter,
      by,
      limit,
      signal: session.signal,
      progress: (doing) => session.progress(doing),
    })
    const { grouped, source, ...totals } = stats
    const columns = session.io.stdoutIsTTY ? session.io.columns : undefined
    const report: Report = {
      schema: "pgtrail.stats/1",
      columns: [
        { name: "by" },
        { name: "value" },
        { name: "others", kind: "number" },
        { name: "events", kind: "number" },
        { name: "failed", kind: "number" },
        { name: "data_size_bytes", kind: "number" },
      ],
      rows: rowsOf(stats),
      document: {
        schema: "pgtrail.stats/1",
        ...totals,
        groups: Object.fromEntries(grouped.map(({ by: name, groups, rest }) => [name, { groups, rest }])),
      },
      text: describeStats(stats, columns),
      note: [describeFilter(filter), describeSource(source)].filter(Boolean).join("\n"),
    }
    return withDetached(report, filter, session)
  },
})

function* rowsOf({ grouped, total_events, failed_operations, data_size_bytes }: Stats): Generator<Row> {
  const none = { by: null, value: null, others: null }
  yield { ...none, events: total_events, failed: failed_operations, data_size_bytes }
  for (const { by, groups, rest } of grouped) {
    for (const group of groups) yield { ...none, by, ...group }
    if (rest !== null) {
      const { values, ...counts } = rest
      yield { ...none, by, others: values, ...counts }
    }
  }
}
