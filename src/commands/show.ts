// pgtrail show: one event whole, where it stands in its chain, and whether it verifies.
import { arg, command, RawJson, type Report, type Session } from "../cli/command.js"
import { TrailError } from "../data/errors.js"
import { type EventColumn, eventColumns } from "../data/event-columns.js"
import type { Trail } from "../data/index.js"
import { type EventRow, kindOf } from "../data/query/columns.js"
import { describeEvent } from "../data/query/describe.js"
import { writePlace } from "../data/query/made.js"
import type { ShownEvent } from "../data/query/show.js"
import { type Place, readEventName } from "../data/query/typed.js"

export default command({
  summary: "show one event, its place in the chain, and whether it verifies",
  description:
    "Computes the hash of the event anew, and compares it and its neighbours' with what is stored. Exit code 1 when they do not fit. " +
    "An id need not be unique; where several events have it they are listed, and the place ORG/LANE/SEQ names one.",
  args: { event: arg("id of the event, or its place ORG/LANE/SEQ") },
  examples: [
    { run: "pgtrail show acme/0/42", shows: "the event at a place" },
    {
      run: "pgtrail show 0199aaf0-7c1e-7b2c-9a55-3f0d2c1b7e11 --json",
      shows: "the event with an id, as one JSON document",
    },
  ],
  async run({ args, session }) {
    const name = readEventName(args.event)
    const trail = await session.trail()
    const found = "id" in name ? await withId(trail, name.id, session) : name
    return Array.isArray(found) ? listed(found) : shown(await trail.show(found))
  },
})

async function withId(trail: Trail, id: string, session: Session): Promise<Place | EventRow[]> {
  session.progress("looking for the event")
  const found = await trail.eventsWithId(id)
  const only = found[0]
  if (only === undefined)
    throw new TrailError("not-found", `there is no event with the id ${id}`, { hint: "pgtrail query" })
  return found.length > 1
    ? found
    : { organization: only.organization_id ?? "", lane: only.lane ?? "", seq: only.seq ?? "" }
}

function listed(found: readonly EventRow[]): Report {
  return {
    schema: "pgtrail.event_name/1",
    columns: ["event", "occurred_at", "recorded_at", "event_type", "actor_id"].map((name) => ({ name })),
    rows: found.map((row) => ({ ...row, event: writePlace(row) })),
    note: () => {
      const first = found[0]
      return `${found.length} events have this id; show one by its place: pgtrail show ${first === undefined ? "" : writePlace(first)}`
    },
  }
}

function shown(found: ShownEvent): Report {
  const { event, place, previous, next, newest, verifies, problems } = found
  const isJson = (column: EventColumn) => ["json", "array"].includes(kindOf(column))
  const members = eventColumns.map((column) => {
    const value = event[column] ?? null
    return [column, value !== null && isJson(column) ? new RawJson(value) : value] as const
  })
  return {
    schema: "pgtrail.event/1",
    columns: eventColumns.map((name) => ({
      name,
      kind: isJson(name) ? ("json" as const) : ("text" as const),
    })),
    rows: [event],
    text: describeEvent(found),
    document: {
      schema: "pgtrail.show/1",
      place,
      event: Object.fromEntries(members),
      chain: { previous, next, newest, purged_before: found.purged_before, purged_after: found.purged_after },
      redactions: found.redactions,
      verifies,
      problems,
    },
    exit: verifies === null ? 4 : verifies ? 0 : 1,
  }
}
