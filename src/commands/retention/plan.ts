// pgtrail retention plan: what would go when, and what keeps it.
import { command, flag, text } from "../../cli/command.js"
import { readDays } from "../../data/retention/rule-words.js"
import { describePlan, whenItGoes } from "../../data/retention/run-words.js"

export default command({
  summary: "show what retention would purge in the next days, and what keeps it",
  description:
    "By organization and policy, as the rules will count then: how many events a run would take now and how many more within the days, the bytes " +
    "that they take up (as a share of their partitions), when the first and the last of them go, and when the oldest and the newest of them " +
    "occurred. held are those whose time is over, or that are due for an archive, and that a hold keeps; fresh are those that the setting " +
    "retention-grace keeps back: what goes when it ends is counted as going later, too. awaiting_archive are due for an archive, and " +
    "pgtrail archive create --due takes them out of the table. Partitions that can have nothing of the kind are not read, the others one by one. " +
    "Changes nothing. Needs the role pgtrail_auditor or pgtrail_operator, --verify pgtrail_operator.",
  options: {
    within: text("--within <days>", "what goes until then", "30d"),
    org: text("--org <organization>", "only events of this organization"),
    verify: flag("--verify", "also count what would go now and does not verify; takes as long as the run"),
  },
  examples: [
    { run: "pgtrail retention plan", shows: "what goes in the next 30 days" },
    { run: "pgtrail retention plan --within 365d --org acme --json", shows: "a year of one organization" },
  ],
  async run({ options, session }) {
    const plan = await (await session.trail()).planRetention({
      withinDays: readDays(options.within, "--within"),
      organization: options.org,
      verify: options.verify,
      signal: session.signal,
      progress: (doing) => session.progress(doing),
    })
    const isTable = session.format === "table"
    const number = (name: string) => ({ name, kind: "number" }) as const
    return {
      schema: "pgtrail.planned_purge/1",
      columns: [
        { name: "organization_id", title: "organization" },
        { name: "policy" },
        { name: "floor", onRequest: plan.purges.every(({ floor }) => floor === null) },
        number("keep_days"),
        { ...number("events_now"), title: "over now" },
        { ...number("events_later"), title: `within ${plan.within_days} days` },
        { ...number("events"), onRequest: true },
        number("bytes"),
        { name: "first_goes_at", title: "first goes" },
        { name: "last_goes_at", title: "last goes" },
        number("held"),
        { name: "cases" },
        number("fresh"),
        number("awaiting_archive"),
        { name: "oldest", onRequest: true },
        { name: "newest", onRequest: true },
      ],
      rows: plan.purges.map(({ cases, ...purge }) => ({
        ...purge,
        ...(isTable ? whenItGoes(purge) : {}),
        cases: cases.join(", "),
      })),
      document: { schema: "pgtrail.retention_plan/1", ...plan },
      note: describePlan(plan),
      exit: plan.unsound === null || plan.unsound === "0" ? 0 : 1,
    }
  },
})
