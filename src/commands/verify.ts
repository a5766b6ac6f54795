// pgtrail verify: is the log what it was, and if not, where.
import { command, count, flag, type Report, text } from "../cli/command.js"
import { exitCodeOf } from "../cli/exit.js"
import { TrailError } from "../data/errors.js"
import type { VerifyReport } from "../data/index.js"
import { describePeriod, readPeriod } from "../data/query/time.js"
import { describeReport } from "../data/verify/describe.js"

/** The verdict decides, and no two share a code. */
const exits = { intact: 0, tampered: 1, unchecked: 3, incomplete: 4 } as const

export default command({
  summary: "check that no event was altered, removed, inserted or moved",
  description:
    "Reads every event on one snapshot, computes every hash anew on this side of the connection, and follows each chain from its genesis " +
    "to its head. Compares the acts, the guards and the whole catalog of pgtrail too. Names every finding, not the first.\n\n" +
    "Verdicts: intact (exit 0), tampered (1), unchecked (3: it could not look), incomplete (4: nothing lies in what was asked for, or an " +
    "event has a hash version that this pgtrail does not know). A run with --since or --until hashes the events in that range and counts " +
    "the others. The verification is recorded as an act where the role may; " +
    "what the database's owner rewrote from end to end only a checkpoint outside the database can show.",
  options: {
    org: text("--org <name>", "only this organization"),
    since: text("--since <time>", "only events that occurred at or after this time"),
    until: text("--until <time>", "only events that occurred before this time"),
    jobs: count("--jobs <n>", "connections that read at once", 2),
    record: flag("--no-record", "do not record the verification as an act"),
  },
  examples: [
    { run: "pgtrail verify", shows: "the whole log" },
    { run: "pgtrail verify --org acme --jobs 4 --json", shows: "one organization, as one JSON object" },
  ],
  async run({ options, session }) {
    const period = readPeriod({ since: options.since, until: options.until }, new Date())
    const trail = await session.trail().catch((error: unknown) => unchecked(error, session.format))
    if (isReport(trail)) return trail
    if (options.jobs < 1 || options.jobs > 64) {
      throw new TrailError("usage", "--jobs takes a number from 1 to 64")
    }
    try {
      const report = await trail.verify({
        ...(options.org === undefined ? {} : { organization: options.org }),
        ...(period.since === undefined ? {} : { since: period.since }),
        ...(period.until === undefined ? {} : { until: period.until }),
        jobs: options.jobs,
        record: options.record,
        signal: session.signal,
        progress: (events) => session.progress(`${events} events read`),
      })
      return verified(report, describePeriod(period))
    } catch (error) {
      return unchecked(error, session.format)
    }
  },
})

function verified(report: VerifyReport, period: string | undefined): Report {
  const notes = [
    ...(period === undefined ? [] : [`events ${period}`]),
    ...(report.not_recorded === null ? [] : [`this verification was not recorded: ${report.not_recorded}`]),
  ]
  return {
    schema: report.schema,
    columns: [
      { name: "kind" },
      { name: "organization_id" },
      { name: "lane", kind: "number" },
      { name: "seq", kind: "number" },
      { name: "event_id" },
      { name: "group" },
      { name: "message" },
    ],
    rows: report.findings.map((finding) => ({ ...finding })),
    document: report,
    text: describeReport(report),
    ...(notes.length === 0 ? {} : { note: notes.join("; ") }),
    exit: exits[report.verdict],
  }
}

/** With --json a verification that could not look says so in its own form too; everybody else gets the error alone. */
function unchecked(error: unknown, format: string): Report {
  if (format !== "json" || !(error instanceof TrailError) || exitCodeOf(error.code) !== 3) throw error
  const { code, message, hint = null } = error
  return {
    schema: "pgtrail.verify/1",
    columns: [],
    rows: [],
    document: { schema: "pgtrail.verify/1", verdict: "unchecked", error: { code, message, hint } },
    note: `${message}; nothing was verified${hint === null ? "" : `: ${hint}`}`,
    exit: exits.unchecked,
  }
}

const isReport = (value: object): value is Report => "rows" in value
