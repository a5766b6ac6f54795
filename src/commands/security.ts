// pgtrail security: what failed, was denied or is critical, by whom and from where, and who guesses passwords.
import { command, count, duration, flag, type Report, type Row, text } from "../cli/command.js"
import { readDuration } from "../data/duration.js"
import { describeSecurity } from "../data/investigate/describe-security.js"
import { rules } from "../data/investigate/rules.js"
import { isQuiet, type Security } from "../data/investigate/security.js"
import { describePeriod, readPeriod } from "../data/query/time.js"
import { readLimit } from "../data/query/typed.js"

const usual = "-24h"

export default command({
  summary: "report what failed, was denied or is critical, and who guesses passwords",
  description:
    `Of the last 24 hours, unless another time is given: by actor, address, type and resource, those with the most first. ${rules}\n\n` +
    "Brute force are more than --threshold authentication failures of one actor, or from one address, within any --window of the period, not " +
    "only from one full hour to the next.",
  options: {
    org: text("--org <name>", "in this organization"),
    since: text("--since <time>", "what occurred at this time or later", usual),
    until: text("--until <time>", "what occurred before this time"),
    threshold: count("--threshold <n>", "so many authentication failures are no brute force yet", 10),
    window: duration("--window <time>", "the time in which they are counted", "1h"),
    limit: text("--limit <n>", 'at most so many of each list, or "all"', "10"),
    exitCode: flag("--exit-code", "exit 1 when there is anything to report"),
  },
  examples: [
    { run: "pgtrail security", shows: "what a security officer should see of the last 24 hours" },
    {
      run: "pgtrail security --since -1h --exit-code --json",
      shows: "the same for cron: exit 1 when there is something",
    },
    {
      run: "pgtrail security --org acme --threshold 3 --window 5m",
      shows: "who is locked out, or should be",
    },
  ],
  async run({ options, session }) {
    const period = readPeriod(options, new Date(), usual)
    const { org: organization, threshold } = options
    const top = readLimit(options.limit) ?? Number.POSITIVE_INFINITY
    const windowMs = readDuration(options.window, "--window")
    session.progress("counting events")
    const report = await (await session.trail()).security({
      organization,
      ...period,
      threshold,
      windowMs,
      signal: session.signal,
      top,
    })
    return shown(report, describePeriod(period), options.exitCode)
  },
})

function shown(report: Security, time: string | undefined, tells: boolean): Report {
  const lists = {
    actor: report.actors,
    address: report.addresses,
    type: report.types,
    resource: report.resources,
  }
  const rows: Row[] = [
    ...report.brute_force.map(({ of, failures, peak, from, to, ...one }) => {
      return {
        list: `brute force by ${of}`,
        ...one,
        events: failures,
        failed: failures,
        peak,
        first_event: from,
        last_event: to,
      }
    }),
    ...Object.entries(lists).flatMap(([list, groups]) => groups.map((group) => ({ list, ...group }))),
  ]
  const numbers = ["events", "failed", "denied", "critical", "security", "peak"]
  const names = ["list", "organization_id", "value", ...numbers, "first_event", "last_event"]
  return {
    schema: "pgtrail.security_group/1",
    columns: names.map((name) => ({ name, ...(numbers.includes(name) ? { kind: "number" as const } : {}) })),
    rows,
    document: { schema: "pgtrail.security/1", ...report },
    text: (width) => describeSecurity(report, width),
    ...(time === undefined ? {} : { note: `time: ${time}` }),
    exit: tells && !isQuiet(report) ? 1 : 0,
  }
}
