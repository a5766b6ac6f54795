// pgtrail verify: is the log what it was, and if not, where.
import { archivesOf, identity } from "../cli/archive.js"
import { between, command, configurable, count, file, flag, list, type Report, text } from "../cli/command.js"
import { unchecked } from "../cli/unchecked.js"
import type { VerifyReport } from "../data/index.js"
import { describePeriod, readPeriod } from "../data/query/time.js"
import { readPlace } from "../data/query/typed.js"
import { describeReport } from "../data/verify/describe.js"

/** The verdict decides; what was found shares no code with what could not be looked at. */
const exits = { intact: 0, tampered: 1, rolled_back: 1, unchecked: 3, incomplete: 4 } as const

export default command({
  summary: "check that no event was altered, removed, inserted or moved",
  description:
    "Reads every event on one snapshot, computes every hash anew on this side of the connection, and follows each chain from its genesis " +
    "to its head. Compares the acts, the control tables, the guards and the whole catalog of pgtrail too. Names every finding, not the " +
    "first; pgtrail verification show explains them. Events that were purged with a record are told apart, and the chains followed across them.\n\n" +
    "Verdicts: intact (exit 0), tampered (1), rolled_back (1: a restore, recovery or failover lost what a checkpoint knew), unchecked (3: " +
    "it could not look), incomplete (4: nothing lies in what was asked for, the time was over, or an event has a hash version that this " +
    "pgtrail does not know). A run with --since or --until hashes the events in that range and counts the others; an event whose time was forged " +
    "may be among those. The verification is " +
    "recorded as an act where the role may.\n\n" +
    "What the database's owner rewrote from end to end only something outside the database can show: signed checkpoints (--checkpoint), or " +
    "the auditor's own state (--state), which is compared, and advanced when nothing was found. --incremental reads what came since the " +
    "newest of them, or since the last whole verification, and says so: events from before are not read again. With --max-seconds or --from chains are read one after another, " +
    "and whether each event lies in the right partition is not looked at.\n\n" +
    "Archived events are told apart: their purge is recorded, and the chains are followed across them. With --archive every archive that is " +
    "neither restored nor removed is read whole, each hash computed anew, and compared with the act that made it; one that is not there " +
    "makes the verification incomplete. With --org these are the archives that have events of it, and all of each is read.",
  options: {
    org: text("--org <name>", "only this organization"),
    since: text("--since <time>", "only events that occurred at or after this time"),
    until: text("--until <time>", "only events that occurred before this time"),
    jobs: configurable(
      between(
        1,
        64,
        count(
          "--jobs <n>",
          "connections that read at once; 2 where none are named, 1 for a log of less than 16 MiB",
        ),
      ),
    ),
    checkpoint: list("--checkpoint <file>", "signed checkpoint that the log must still agree with"),
    publicKey: configurable(list("--public-key <file>", "public key that vouches for checkpoints and acts")),
    archive: list(
      "--archive <place>",
      "read the archives that lie there too; recorded: where their acts put them",
    ),
    identity,
    state: configurable(
      file("--state <file>", "the auditor's own file: compared, and advanced when nothing was found"),
    ),
    incremental: flag(
      "--incremental",
      "only what came since the checkpoint, the state or the last whole run",
    ),
    maxSeconds: count("--max-seconds <n>", "stop after so many seconds, and say where to go on"),
    from: text("--from <place>", "go on at ORG/LANE/SEQ, where an earlier run stopped"),
    maxRate: configurable(count("--max-rate <n>", "read at most so many events a second")),
    strict: flag("--strict", "findings that were accepted count as well"),
    record: flag("--no-record", "do not record the verification as an act"),
  },
  examples: [
    { run: "pgtrail verify", shows: "the whole log" },
    { run: "pgtrail verify --org acme --jobs 4 --json", shows: "one organization, as one JSON object" },
    {
      run: "pgtrail verify --checkpoint 2026-11.checkpoint --public-key acme.pub --state auditor.state",
      shows: "against a signed checkpoint and the auditor's own state",
    },
    { run: "pgtrail verify --archive recorded", shows: "with the archives, where their acts put them" },
    { run: "pgtrail verify --incremental", shows: "only what came since the last whole verification" },
  ],
  async run({ options, session }) {
    const period = readPeriod({ since: options.since, until: options.until }, new Date())
    const from = options.from === undefined ? undefined : readPlace(options.from)
    const trail = await session.trail().catch((error: unknown) => unchecked(error, session.format))
    if (isReport(trail)) return trail
    try {
      const report = await trail.verify({
        ...(options.org === undefined ? {} : { organization: options.org }),
        ...(period.since === undefined ? {} : { since: period.since }),
        ...(period.until === undefined ? {} : { until: period.until }),
        ...(from === undefined ? {} : { from }),
        ...(options.state === undefined ? {} : { state: session.path(options.state) }),
        ...(options.maxSeconds === undefined ? {} : { maxSeconds: options.maxSeconds }),
        ...(options.maxRate === undefined ? {} : { maxRate: options.maxRate }),
        checkpoints: options.checkpoint.map((path) => session.path(path)),
        publicKeys: options.publicKey.map((path) => session.path(path)),
        ...(await archivesOf(options.archive, options.identity, session)),
        incremental: options.incremental,
        strict: options.strict,
        ...(options.jobs === undefined ? {} : { jobs: options.jobs }),
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
    ...(report.pending_migration === null ? [] : ["a migration is pending: pgtrail migrate up"]),
  ]
  return {
    schema: report.schema,
    columns: [
      { name: "id" },
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

const isReport = (value: object): value is Report => "rows" in value
