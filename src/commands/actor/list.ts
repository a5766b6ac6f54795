// pgtrail actor list: who did something, those with the most events first.
import { command } from "../../cli/command.js"
import { countOptions, describeCount, readCountOptions } from "../../cli/counted.js"

export default command({
  summary: "list actors, those with the most events first",
  description:
    "Counts the events of the last 30 days, or of --since and --until; every filter of query narrows it. An actor is an id in an organization; " +
    "its name and type stand there where all its events have the same. failed are those with outcome failure, denied or " +
    "error. Events without an actor are left out.",
  options: countOptions,
  examples: [
    { run: "pgtrail actor list --org acme", shows: "who was active at acme in the last 30 days" },
    {
      run: "pgtrail actor list --type 'auth.*' --outcome failure --since today",
      shows: "whose logins failed today",
    },
  ],
  async run({ options, session }) {
    const asked = readCountOptions(options)
    session.progress("counting events")
    const counted = await (await session.trail()).actors({ ...asked, signal: session.signal })
    return {
      schema: "pgtrail.actor_count/1",
      columns: [
        { name: "organization_id", title: "organization" },
        { name: "actor_id", title: "actor" },
        { name: "actor_name", title: "name" },
        { name: "actor_type", title: "type" },
        { name: "events", kind: "number" },
        { name: "failed", kind: "number" },
        { name: "first_event" },
        { name: "last_event" },
      ],
      rows: counted.rows.map((row) => ({ ...row })),
      note: describeCount(counted, asked, options, "actor"),
    }
  },
})
