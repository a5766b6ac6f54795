// pgtrail resource show: what happened to one resource; who changed it, and how.
import { arg, type Column, command, flag, type Row, text } from "../../cli/command.js"
import { peek } from "../../cli/peek.js"
import { TrailError } from "../../data/errors.js"
import { pathWords } from "../../data/investigate/json-diff.js"
import { accessRule, type ResourceEvent } from "../../data/investigate/resource.js"
import { describePeriod, readPeriod } from "../../data/query/time.js"
import { readLimit } from "../../data/query/typed.js"
import { quoted } from "../../data/words.js"

export default command({
  summary: "show what happened to a resource: who changed it and how, and who read it",
  description:
    "Newest first. --changes has a line for each path at which before_state and after_state differ, with the old and the new value as JSON, " +
    `digit by digit. JSON and CSV say in change whether a path was added, removed or changed: the JSON null is a value too.\n\n${accessRule}`,
  args: { resource: arg("TYPE/ID") },
  options: {
    org: text("--org <name>", "in this organization"),
    since: text("--since <time>", "what happened at this time or later"),
    until: text("--until <time>", "what happened before this time"),
    changes: flag("--changes", "changes alone, path by path"),
    limit: text("--limit <n>", 'at most this many events, or "all"', "100"),
  },
  examples: [
    { run: "pgtrail resource show file/4711 --org acme", shows: "who changed and who read the file" },
    { run: "pgtrail resource show file/4711 --changes", shows: "what was changed in it, value by value" },
  ],
  async run({ args, options, session }) {
    const period = readPeriod(options, new Date())
    const { org: organization, changes } = options
    const limit = readLimit(options.limit)
    const asked = { organization, ...period, changes, limit, signal: session.signal }
    const history = await (await session.trail()).resource(args.resource, asked)
    const isTable = session.format === "table"
    const columns = (changes ? changeColumns : eventColumns)(isTable)
    const found = await peek(history, columns, session)
    const what = changes ? "changes" : "concerns"
    const time = describePeriod(period)
    if (found === undefined && limit !== 0) {
      const when = time === undefined ? "" : " in that time"
      throw new TrailError("not-found", `no event ${what} the resource ${quoted(args.resource)}${when}`, {
        hint: "pgtrail resource list",
      })
    }
    async function* rows(): AsyncGenerator<Row> {
      for await (const event of found ?? [])
        yield* changes ? changeRows(event, isTable) : [row(event, isTable)]
    }
    const more = (): string | undefined =>
      history.more ? `more events ${what.replace(/s$/, "")} it: --limit all` : undefined
    return {
      schema: changes ? "pgtrail.resource_change/1" : "pgtrail.resource_event/1",
      columns,
      rows: rows(),
      note: () => [more(), time && `time: ${time}`].filter(Boolean).join("\n") || undefined,
    }
  },
})

const common = ["occurred_at", "actor_id", "event_type", "outcome"] as const
const changeColumns = (isTable: boolean): readonly Column[] => [
  ...common.map((name) => ({ name })),
  { name: "path" },
  { name: "change", onRequest: isTable },
  { name: "old", kind: "json" },
  { name: "new", kind: "json" },
  { name: "organization_id", onRequest: true },
  { name: "event" },
]
const eventColumns = (isTable: boolean): readonly Column[] => [
  { name: "occurred_at" },
  { name: "access" },
  ...["actor_id", "actor_name", "event_type"].map((name) => ({ name })),
  { name: "action", onRequest: isTable },
  { name: "outcome" },
  { name: "changed", kind: isTable ? "text" : "json" },
  { name: "organization_id", onRequest: isTable },
  { name: "event" },
]

function row({ row: event, place, access, changes }: ResourceEvent, isTable: boolean): Row {
  const paths = changes.map(({ path }) => (isTable ? pathWords(path) : path))
  const left = paths.length - 4
  const words = paths.slice(0, 4).join(", ") + (left > 0 ? `, and ${left} more` : "")
  return { ...event, access, changed: isTable ? words : JSON.stringify(paths), event: place }
}

/** A line for each path; for people the event stands in the first of them alone. One without states has a line without a path. */
function* changeRows({ row: event, place, changes }: ResourceEvent, isTable: boolean): Generator<Row> {
  const whole = { ...event, event: place }
  if (changes.length === 0) yield { ...whole, path: null, change: null, old: null, new: null }
  for (const [at, change] of changes.entries()) {
    const kind = change.old === null ? "added" : change.new === null ? "removed" : "changed"
    const path = isTable ? pathWords(change.path) : change.path
    yield { ...(isTable && at > 0 ? {} : whole), ...change, path, change: kind }
  }
}
