// pgtrail trace show: the events of a request, a correlation or a session, oldest first.
import { arg, type Column, command, type Row, text } from "../../cli/command.js"
import { printedColumns, reportColumns } from "../../cli/event-columns.js"
import { peek } from "../../cli/peek.js"
import { TrailError } from "../../data/errors.js"
import { gapWords, type TraceKind } from "../../data/investigate/trace.js"
import { maker, needed } from "../../data/query/made.js"
import { describePeriod, readPeriod } from "../../data/query/time.js"
import { readLimit } from "../../data/query/typed.js"
import { plural, quoted } from "../../data/words.js"

export default command({
  summary: "show the events of a request, a correlation or a session, oldest first",
  description:
    "Looks for the id among request ids, correlation ids and session ids, over all organizations that this role may read. matched says " +
    "which it is; an event that the id matches in several ways stands with the first of them. gap is the time since the event before, in JSON " +
    "and CSV in microseconds. --json and --format csv have every column of the event.",
  formats: ["short", "xml"],
  args: { id: arg("of a request, a correlation or a session") },
  options: {
    org: text("--org <name>", "in this organization alone"),
    since: text("--since <time>", "events that occurred at this time or later"),
    until: text("--until <time>", "events that occurred before this time"),
    limit: text("--limit <n>", 'at most this many of each kind, or "all"', "1000"),
  },
  examples: [
    { run: "pgtrail trace show req-8c1f", shows: "what one request did, and how long each step took" },
    {
      run: "pgtrail trace show sess-42 --since 7d --fields gap,event_type,event",
      shows: "a session, in few columns",
    },
  ],
  async run({ args, options, session }) {
    const period = readPeriod(options, new Date())
    const limit = readLimit(options.limit)
    const { org: organization } = options
    const columns = printedColumns(session)
    const trace = await (await session.trail()).trace(args.id, {
      ...{ organization, ...period, limit, signal: session.signal },
      columns: needed(columns.filter((name) => name !== "gap" && name !== "matched")),
    })
    const printable: Column[] = [
      { name: "matched" },
      { name: "gap", kind: "number" },
      ...reportColumns(columns),
    ]
    const found = await peek(trace, printable, session)
    if (found === undefined && limit !== 0) {
      const when = describePeriod(period) === undefined ? "" : " in that time"
      throw new TrailError(
        "not-found",
        `no event has the request, correlation or session ${quoted(args.id)}${when}`,
        {
          hint: "pgtrail query --grep TEXT looks for text",
        },
      )
    }
    const printed = new Map<TraceKind, number>()
    const isForPeople = session.format === "table" || session.format === "short"
    async function* rows(): AsyncGenerator<Row> {
      const make = maker(columns)
      for await (const { matched, gap, row } of found ?? []) {
        printed.set(matched, (printed.get(matched) ?? 0) + 1)
        yield { ...make(row), matched, gap: isForPeople && gap !== null ? gapWords(gap) : gap }
      }
    }
    const note = (): string =>
      [
        [...printed].map(([kind, count]) => `${kind}: ${plural(count, "event")}`).join(", "),
        ...trace.more.map((kind) => `there are more events of this ${kind}: --limit all`),
        describePeriod(period),
      ]
        .filter(Boolean)
        .join("\n")
    return {
      schema: "pgtrail.trace/1",
      columns: printable,
      rows: rows(),
      note,
    }
  },
})
