// pgtrail actor show: what one actor did, when, and from where.
import { arg, command, text } from "../../cli/command.js"
import { describeActor } from "../../data/investigate/describe-actor.js"
import { describePeriod, readPeriod } from "../../data/query/time.js"

export default command({
  summary: "show what an actor did: by day and type, from which addresses and sessions",
  description:
    "Counts every event of the actor, in the whole log where no time is given. The same id in several organizations may be several people: " +
    "--org names one. Names, addresses and sessions that were seen last come first; --json tells the newest 1,000 of each. ndjson and csv " +
    "have the timeline, an object or line for each day and type.",
  args: { actor: arg("its id") },
  options: {
    org: text("--org <name>", "of this organization"),
    since: text("--since <time>", "what it did at this time or later"),
    until: text("--until <time>", "what it did before this time"),
  },
  examples: [
    { run: "pgtrail actor show u1 --org acme --since 30d", shows: "what u1 did in the last 30 days" },
    { run: "pgtrail query --actor u1 --org acme", shows: "the events themselves" },
  ],
  async run({ args, options, session }) {
    const period = readPeriod(options, new Date())
    const { org: organization } = options
    const actor = await (await session.trail()).actor(args.actor, {
      organization,
      ...period,
      signal: session.signal,
      progress: (done, all) => session.progress(`counting events, partition ${done + 1} of ${all}`),
    })
    const time = describePeriod(period)
    return {
      schema: "pgtrail.actor_day/1",
      columns: [{ name: "day" }, { name: "event_type" }, { name: "events", kind: "number" }],
      rows: actor.timeline.map((count) => ({ ...count })),
      document: { schema: "pgtrail.actor/1", ...actor },
      text: (width) => describeActor(actor, width),
      ...(time === undefined ? {} : { note: `time: ${time}` }),
    }
  },
})
