// pgtrail query: events that match, newest first.
import { type Column, choice, command, type Row, text } from "../cli/command.js"
import { eventColumns, isEventColumn } from "../data/event-columns.js"
import { outcomes, severities } from "../data/query/choices.js"
import { kindOf } from "../data/query/columns.js"
import { madeColumns, maker, needed } from "../data/query/made.js"
import { describePeriod, readPeriod } from "../data/query/time.js"
import { readLimit, readResource } from "../data/query/typed.js"

/** What people see who asked for nothing else: `event` is what `pgtrail show` takes. */
const shown: readonly string[] = [
  "occurred_at",
  "event_type",
  "actor_id",
  "resource",
  "outcome",
  "severity",
  "event",
]
const kinds = {
  text: "text",
  number: "number",
  json: "json",
  array: "json",
  time: "text",
  bytes: "text",
} as const

export default command({
  summary: "list events, newest first",
  description:
    "Times are UTC: 2026-07, 2026-07-10, 2026-07-10T12:30:00Z, now, today, yesterday, -2h or 7d (that long ago). --since is " +
    "included, --until is not: --since 2026-07 --until 2026-08 is the whole of July.\n\n" +
    "json, ndjson and csv have every column of the event; --fields chooses among them, and among resource (TYPE/ID) and event (ORG/LANE/SEQ).",
  options: {
    org: text("--org <name>", "of this organization"),
    since: text("--since <time>", "that occurred at this time or later"),
    until: text("--until <time>", "that occurred before this time"),
    type: text("--type <glob>", "of this event type; * is any text, ? one character"),
    actor: text("--actor <id>", "by the actor with this id"),
    resource: text("--resource <type[/id]>", "on resources of this type, or on one of them"),
    outcome: choice("--outcome <outcome>", "with this outcome", outcomes),
    severity: choice("--severity <severity>", "of this severity", severities),
    limit: text("--limit <n>", 'at most this many, or "all"', "100"),
  },
  examples: [
    { run: "pgtrail query --org acme --since 2026-11-01", shows: "what happened at acme this month" },
    {
      run: "pgtrail query --type 'auth.*' --outcome denied --since -24h",
      shows: "who was turned away in the last 24 hours",
    },
    {
      run: "pgtrail query --resource file/4711 --limit all --format csv",
      shows: "the whole history of one file",
    },
  ],
  async run({ options, session }) {
    const period = readPeriod(options, new Date())
    const limit = readLimit(options.limit)
    const resource = options.resource === undefined ? undefined : readResource(options.resource)
    const columns = session.fields ?? (session.format === "table" ? shown : eventColumns)
    const trail = await session.trail()
    const { org: organization, type, actor, outcome, severity } = options
    const filter = { organization, ...period, type, actor, resource, outcome, severity }
    const events = await trail.query({ ...filter, limit, columns: needed(columns), signal: session.signal })
    let printed = 0
    async function* rows(): AsyncGenerator<Row> {
      const make = maker(columns)
      for await (const row of events) {
        printed += 1
        yield make(row)
      }
    }
    const found = (): string | undefined => {
      if (printed === 0 && limit !== 0) return "no events match"
      return events.more
        ? `more events match than the ${printed} shown: raise --limit, or narrow the search`
        : undefined
    }
    const time = describePeriod(period)
    return {
      schema: "pgtrail.event/1",
      columns: reportColumns(columns),
      rows: rows(),
      note: () => [found(), time && `time: ${time}`].filter(Boolean).join("\n") || undefined,
    }
  },
})

/** Those that are printed, in their order, and the others for who names them. */
function reportColumns(printed: readonly string[]): Column[] {
  const names = [...new Set([...printed, ...eventColumns, ...madeColumns])].filter(
    (name) => isEventColumn(name) || madeColumns.includes(name),
  )
  return names.map((name) => ({
    name,
    kind: isEventColumn(name) ? kinds[kindOf(name)] : "text",
    onRequest: !printed.includes(name),
  }))
}
