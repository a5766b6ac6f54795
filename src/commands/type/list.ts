// pgtrail type list: the event types that are known, or those of the log that are not.
import { command, flag, type Report, type Session, text } from "../../cli/command.js"
import { TrailError } from "../../data/errors.js"

const incomplete = "this role may not read acts: types that were added are not known here"

export default command({
  summary: "list the event types that are known, or those in the log that are not",
  description:
    "Known are the types of the systems that run on pgtrail, and those that type add added. An event may have any type: what is not known is " +
    "taken as well, and --unknown lists it. Source is the system, or the act that added the type or said anew what it is. severity is what an event of " +
    "the type should have; pgtrail sets none.",
  options: {
    unknown: flag(
      "--unknown",
      "types of events in the log that are not known, those that were seen last first",
    ),
    org: text("--org <name>", "with --unknown: in this organization"),
  },
  examples: [
    { run: "pgtrail type list", shows: "every type that is known, with its category and severity" },
    { run: "pgtrail type list --unknown", shows: "types that applications use and nobody described" },
  ],
  run: ({ options, session }) => {
    if (options.org !== undefined && !options.unknown) {
      throw new TrailError(
        "usage",
        "--org goes with --unknown: what is known is known for all organizations",
        {
          hint: "pgtrail type list --unknown --org NAME",
        },
      )
    }
    return options.unknown ? unknown(session, options.org) : known(session)
  },
})

async function known(session: Session): Promise<Report> {
  const { types, complete } = await (await session.trail()).eventTypes()
  const names = ["name", "category", "severity", "description", "source"] as const
  return {
    schema: "pgtrail.type/1",
    columns: [
      ...names.map((name) => ({ name })),
      ...["added_at", "added_by"].map((name) => ({ name, onRequest: session.format === "table" })),
    ],
    rows: types.map((type) => ({ ...type })),
    note: () => (complete ? undefined : incomplete),
  }
}

async function unknown(session: Session, organization: string | undefined): Promise<Report> {
  const { types, all, complete } = await (await session.trail()).unknownTypes({ organization })
  const notes = [
    types.length === 0
      ? "every type in the log is known"
      : "to describe one: pgtrail type add NAME --category NAME --severity SEVERITY --description TEXT",
    ...(all ? [] : ["there are more types than were looked at: name an organization with --org"]),
    ...(complete ? [] : [incomplete]),
  ]
  return {
    schema: "pgtrail.unknown_type/1",
    columns: [
      { name: "name" },
      { name: "last_event" },
      { name: "organizations", kind: "number" },
      { name: "organization_id", title: "last in" },
    ],
    rows: types.map((type) => ({ ...type })),
    note: notes.join("\n"),
  }
}
