// pgtrail archive remove: deletes an archive, or all that no rule keeps any more.
import { arg, command, configurable, flag, reference, text } from "../../cli/command.js"
import type { Report } from "../../cli/report.js"
import { readSecret } from "../../cli/secret.js"
import type { Session } from "../../cli/session.js"
import { storeContext } from "../../cli/store.js"
import { describeExpired, describeRemoved } from "../../data/archive/words.js"
import { TrailError } from "../../data/errors.js"
import type { ExpiredArchives, RemovedArchive } from "../../data/index.js"
import { readLocation } from "../../data/store/location.js"

export default command({
  summary: "delete an archive for ever, or all that are past their keep",
  description:
    "--expired removes what is past its keep, as no policy and no floor of retention keeps it any more, and needs no confirmation. By name an archive goes whatever these keep: " +
    "--confirm takes the name once more, and --reason stays in the act. Where a hold may be on one of its events it stays. The chains " +
    "stay whole: its events count as purged. Stopped half-way, run it again.\n\n" +
    "A copy of a log knows the archives of the original. What was made on another server, or is of another database or log by its manifest.json, stays " +
    "(exit code 4 with --expired), unless --at PLACE says that the files there are this log's.\n\n" +
    "With --at also an orphan, files of which no act of this log tells: pgtrail archive list --at. Another log may own them, as the one that this is a copy " +
    "of. Needs the role pgtrail_operator, and a signature where the setting require-signed-acts is on.",
  args: { name: arg("the archive", "optional") },
  options: {
    expired: flag("--expired", "all that are past their keep"),
    confirm: text("--confirm <name>", "its name once more"),
    reason: text("--reason <text>", "why; stays in the act"),
    at: text(
      "--at <place>",
      "where it lies, if not where it was put, and what lies there is this log's: a folder, s3://BUCKET/PREFIX, or table:",
    ),
    requestedBy: text("--requested-by <who>", "who asked for it: a name, or the number of a request"),
    key: configurable(
      reference(
        "--key <reference>",
        "the private key that signs the act: file:PATH, env:NAME or cmd:COMMAND",
      ),
    ),
    dryRun: flag("--dry-run", "with --expired: say what would go; change nothing"),
  },
  examples: [
    { run: "pgtrail archive remove --expired --quiet", shows: "nothing, in a crontab" },
    {
      run: "pgtrail archive remove NAME --confirm NAME --reason 'test data'",
      shows: "one archive, for ever, by the name that archive list has",
    },
  ],
  async run({ args, options, session }) {
    const { name } = args
    const { expired, reason, at, confirm, dryRun, requestedBy } = options
    const refuse = (message: string): never => {
      throw new TrailError("usage", message, {
        hint: "nothing was removed; pgtrail archive remove NAME --confirm NAME --reason TEXT, or pgtrail archive remove --expired",
      })
    }
    if (expired === (name !== undefined))
      refuse(expired ? "--expired names no archive" : "no archive is named")
    if (expired && confirm !== undefined) refuse("--expired takes no --confirm")
    if (dryRun && !expired) refuse("--dry-run goes with --expired")
    const key = options.key === undefined ? undefined : await readSecret(options.key, session.io)
    const store = storeContext(session)
    const common = { requestedBy, key, store, signal: session.signal }
    const trail = await session.trail()
    const place = at === undefined ? undefined : readLocation(at, session.io.cwd)
    if (name === undefined) {
      const progress = (doing: string): void => session.progress(doing)
      return reportExpired(
        await trail.removeExpiredArchives({ ...common, reason, at: place, dryRun, progress }),
        session,
      )
    }
    return reportRemoved(await trail.removeArchive(name, { ...common, reason, confirm, at: place }))
  },
})

const columns = [
  { name: "name", whole: true },
  { name: "location" },
  ...(["act", "events", "bytes"] as const).map((name) => ({ name, kind: "number" }) as const),
]

const row = ({ name, location, act, events, bytes }: RemovedArchive) => ({
  name,
  location,
  act,
  events,
  bytes,
})

const reportRemoved = (done: RemovedArchive): Report => ({
  schema: "pgtrail.removed_archive/1",
  columns,
  rows: [row(done)],
  document: { schema: "pgtrail.removed_archive/1", ...done },
  text: describeRemoved(done),
  note: () => (done.act === null || done.again ? undefined : `recorded as act ${done.act}`),
})

/** In a crontab what is printed is mailed. */
function reportExpired(done: ExpiredArchives, { quiet, format }: Session): Report {
  // Somebody else took it away: that is not to go unnoticed.
  const isLost = !done.dry_run && done.removed.some(({ files }) => files === 0)
  const isSilent = quiet && done.failed.length + done.foreign.length === 0 && format === "table" && !isLost
  return {
    schema: "pgtrail.removed_archive/1",
    columns: isSilent ? [] : columns,
    rows: isSilent ? [] : done.removed.map(row),
    document: { schema: "pgtrail.expired_archives/1", ...done },
    ...(isSilent ? {} : { text: describeExpired(done) }),
    exit: done.failed.length > 0 ? 3 : done.foreign.length > 0 ? 4 : 0,
  }
}
