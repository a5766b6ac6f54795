// pgtrail field values: which values a column of the events has, and how often.
import { arg, command } from "../../cli/command.js"
import { countOptions, describeCount, readCountOptions } from "../../cli/counted.js"
import { TrailError } from "../../data/errors.js"
import { type EventColumn, eventColumns, isEventColumn } from "../../data/event-columns.js"
import { near } from "../../data/near.js"
import { kindOf } from "../../data/query/columns.js"
import { quoted } from "../../data/words.js"

export default command({
  summary: "list the values of a column, the most frequent first",
  description:
    "Counts the events of the last 30 days, or of --since and --until; every filter of query narrows it. Of tags and compliance_tags each tag is a " +
    "value. Events without a value are left out. failed are those with outcome failure, denied or error.",
  args: { field: arg("a column, as field list names it", "required", eventColumns) },
  options: countOptions,
  examples: [
    { run: "pgtrail field values event_type --org acme", shows: "what happens at acme, and how often" },
    {
      run: "pgtrail field values ip_address --outcome denied --since today",
      shows: "from where people were turned away",
    },
  ],
  async run({ args, options, session }) {
    const field = readField(args.field)
    const asked = readCountOptions(options)
    session.progress("counting events")
    const counted = await (await session.trail()).fieldValues(field, { ...asked, signal: session.signal })
    return {
      schema: "pgtrail.field_value/1",
      columns: [
        { name: "value", title: field, align: kindOf(field) === "number" ? "right" : "left" },
        { name: "events", kind: "number" },
        { name: "failed", kind: "number" },
        { name: "first_event" },
        { name: "last_event" },
      ],
      rows: counted.rows.map(({ [field]: value, ...row }) => ({ ...row, value: value ?? null })),
      note: describeCount(counted, asked, options, "value"),
    }
  },
})

function readField(typed: string): EventColumn {
  if (isEventColumn(typed)) return typed
  const [meant] = near(typed.slice(0, 100), eventColumns, 1)
  throw new TrailError("usage", `an event has no column ${quoted(typed)}`, {
    hint: meant === undefined ? "pgtrail field list" : `did you mean ${meant}? pgtrail field list tells all`,
  })
}
