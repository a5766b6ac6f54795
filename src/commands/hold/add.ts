// pgtrail hold add: places a legal hold, by an act, and counts what it holds.
import { command, flag, required, text } from "../../cli/command.js"
import { TrailError } from "../../data/errors.js"
import { describeAdded, noteAdded } from "../../data/hold/describe.js"
import { namesOf } from "../../data/hold/hold.js"
import { isRelative, readPeriod, readTime } from "../../data/query/time.js"
import { readResource } from "../../data/query/typed.js"

export default command({
  summary: "hold events for a legal case: nothing may remove them, by an act",
  description:
    "Holds every event of which all is true that the options name, also those that are appended later. At least one of --org, --actor, " +
    "--resource, --correlation, --type, --since and --until is given; what an event has no value for does not fit. While it is in force the database " +
    "itself refuses to purge, drop or detach what it holds, and to remove an archive that may have events of it: those are named. A case may have " +
    "several holds.\n\n" +
    "The act has the case and the reason, and no actor, resource or correlation: those stand in the hold, which auditors and operators alone may read. " +
    "The events are counted exactly, partition by partition, when the hold is in force; --no-count does without. Needs the role pgtrail_operator.",
  options: {
    case: required(text("--case <id>", "the case that it is for; released by it")),
    reason: required(text("--reason <text>", "why; stays in the act, so no personal data")),
    org: text("--org <name>", "events of this organization"),
    actor: text("--actor <id>", "events of this actor"),
    resource: text("--resource <type[/id]>", "events about this resource, or all of the type"),
    correlation: text("--correlation <id>", "events of this correlation"),
    type: text("--type <type>", "events of this type, and of those that begin with it and a dot"),
    since: text("--since <time>", "events that occurred at this time or later"),
    until: text("--until <time>", "events that occurred before this time"),
    expires: text("--expires <date>", "from then on it holds nothing; without it, until it is released"),
    requestedBy: text("--requested-by <who>", "who asked for it: a name, or the number of a request"),
    count: flag("--no-count", "do not count the events"),
  },
  examples: [
    {
      run: 'pgtrail hold add --case 2026-114 --reason "litigation" --org acme --actor u-4711',
      shows: "what u-4711 did in acme stays until the case is released",
    },
    {
      run: 'pgtrail hold add --case 2026-115 --reason "inquiry" --type auth --until 2026-06 --expires 2028-01-01',
      shows: "auth events before June 2026, to 2028 at most",
    },
  ],
  async run({ options, session }) {
    const { org, actor, correlation, type, requestedBy, reason, count } = options
    const now = new Date()
    const resource = options.resource === undefined ? undefined : readResource(options.resource)
    const made = await (await session.trail()).addHold(
      {
        case: options.case,
        reason,
        requestedBy,
        organization: org,
        actor,
        resourceType: resource?.type,
        resourceId: resource?.id,
        correlation,
        type,
        ...readPeriod(options, now),
        expires: options.expires === undefined ? undefined : readExpiry(options.expires, now),
      },
      { count, signal: session.signal, progress: (doing) => session.progress(doing) },
    )
    const { hold, held } = made
    return {
      schema: "pgtrail.added_hold/1",
      columns: [
        { name: "case_id" },
        { name: "names" },
        { name: "act", kind: "number" },
        { name: "events", kind: "number" },
      ],
      rows: [{ case_id: hold.case_id, names: namesOf(hold), act: hold.act, events: held?.events ?? null }],
      document: { schema: "pgtrail.added_hold/1", ...made },
      text: describeAdded(made),
      note: noteAdded(made),
    }
  },
})

/** A day to come: `90d` elsewhere means 90 days ago, so that it is refused here. */
function readExpiry(typed: string, now: Date): string {
  if (isRelative(typed)) {
    throw new TrailError("usage", `--expires takes a date, not ${JSON.stringify(typed)}`, {
      hint: "nothing was held; write the day from which on it holds nothing: 2028-01-01",
    })
  }
  const time = readTime(typed, "--expires", now)
  if (Date.parse(time) > now.getTime()) return time
  throw new TrailError("usage", `--expires ${time} is over already`, {
    hint: "nothing was held; write a day to come",
  })
}
