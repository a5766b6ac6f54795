// pgtrail gdpr restriction list: the restrictions in force.
import { command, flag } from "../../../cli/command.js"

const columns = [
  "act",
  "since",
  "organization_id",
  "identifiers",
  "kinds",
  "events",
  "request",
  "requested_by",
  "reason",
  "placed_by",
] as const
const numbers: readonly string[] = ["act", "identifiers", "events"]

export default command({
  summary: "list the restrictions in force (Article 18): since when, why, and by which act",
  description:
    "Whom a restriction is about is not told, only by which kinds of identifiers (email, id) it names the person; act is what gdpr unrestrict --act takes. " +
    "--count looks for the events of the log that each of them hides; one that another hides too is counted with both. Those that were lifted stand in the acts: " +
    "pgtrail act list --kind unrestrict. Needs the role pgtrail_privacy.",
  options: {
    count: flag("--count", "count the events that each of them hides, which looks through the log for each"),
  },
  examples: [
    { run: "pgtrail gdpr restriction list", shows: "what only pgtrail_privacy is shown, and since when" },
    {
      run: "pgtrail gdpr restriction list --count --json",
      shows: "the same with numbers of events, for a program",
    },
  ],
  async run({ options, session }) {
    const restrictions = await (await session.trail()).restrictions({
      count: options.count,
      signal: session.signal,
      progress: (doing) => session.progress(doing),
    })
    const isShown = (name: string): boolean =>
      session.fields?.includes(name) ??
      !((name === "events" && !options.count) || (name === "placed_by" && session.format === "table"))
    return {
      schema: "pgtrail.restriction_list/1",
      columns: columns.map((name) => ({
        name,
        ...(numbers.includes(name) ? { kind: "number" as const } : {}),
        onRequest: !isShown(name),
      })),
      rows: restrictions.map((one) => ({ ...one })),
      note: () =>
        restrictions.length > 0
          ? undefined
          : "no restriction is in force: pgtrail gdpr restrict ID places one",
    }
  },
})
