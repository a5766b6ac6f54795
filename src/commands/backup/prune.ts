// pgtrail backup prune: removes the backups that no rule keeps; says first which, and why the others stay. Needs no database.
import { shellWord } from "../../cli/again.js"
import { placeConfiguration, placeOf, recordedOf } from "../../cli/backup.js"
import { arg, between, command, count, flag, text } from "../../cli/command.js"
import type { Report } from "../../cli/report.js"
import { storeContext } from "../../cli/store.js"
import { pruneBackups } from "../../data/backup/at-place.js"
import { agoWords, scopeWords, startOf } from "../../data/backup/describe.js"
import type { PrunedBackup } from "../../data/backup/prune.js"
import { readSpan } from "../../data/backup/prune-rules.js"
import { unrecordedWords } from "../../data/backup/recorded.js"
import { TrailError } from "../../data/errors.js"
import { plural } from "../../data/words.js"

const rule = (period: string, words: string) =>
  between(1, 100_000, count(`--keep-${period} <n>`, `keep ${words}`))

export default command({
  summary: "remove the backups that no rule keeps, and say why each of the others stays",
  description:
    "Each rule counts for itself, and what one of them keeps stays: the newest of each of the last N days, weeks, months or years that have one, by the calendar in UTC and the time that the " +
    "backup began. --keep-within counts back from the newest one. Backups of each log, of the same part of it, and of each of its copies, are judged for themselves.\n\n" +
    "Only good ones count: finished, their files there in their size, and not found damaged by a verification; a true copy of a log that was tampered with is good. Never removed: the newest good one, the newest that was found intact and the first with a log that was tampered with after it and the newest before that, " +
    "one that is kept (pgtrail backup keep), one that is not good and newer than all that are, and whatever cannot be told. What was never finished goes after 7 days. " +
    "No backup needs another: files that were taken over stay with whoever has them.\n\n" +
    "Without --confirm nothing is removed. Exit code 4 where one was to go and did not, as in a store that never deletes. Nothing of it stands in the log, and it needs no database: what is good is judged by what lies there, which somebody who may write there can write anew, manifests and all. With --url on the line, of the log that was backed up, a backup whose manifest is not the one that the log recorded counts as none, and is never removed.",
  args: {
    place: arg(
      "a folder or s3://BUCKET/PREFIX; the configured backup.create.to where it is missing",
      "optional",
    ),
  },
  options: {
    keepLast: rule("last", "the last N"),
    keepDaily: rule("daily", "the newest of each of the last N days that have one"),
    keepWeekly: rule("weekly", "the same of weeks, from Monday on"),
    keepMonthly: rule("monthly", "the same of months"),
    keepYearly: rule("yearly", "the same of years"),
    keepWithin: text("--keep-within <span>", "keep all that began within this time of the newest: 2y5m7d3h"),
    confirm: text("--confirm <place>", "remove them: the place once more, as it was typed or configured"),
    dryRun: flag("--dry-run", "say what would go, whatever --confirm says"),
  },
  configuration: placeConfiguration,
  configuredUnder: "backup create",
  examples: [
    {
      run: "pgtrail backup prune /srv/backup --keep-daily 14 --keep-monthly 12",
      shows: "what would go, and why the others stay",
    },
    {
      run: "pgtrail backup prune /srv/backup --keep-daily 14 --keep-monthly 12 --confirm /srv/backup --quiet",
      shows: "nothing, in a crontab",
    },
  ],
  async run({ args, options, configuration, session }) {
    const { typed, location } = placeOf(args.place, configuration, session)
    const { keepWithin: within, confirm, dryRun } = options
    if (confirm !== undefined && confirm !== typed && confirm !== location) {
      throw new TrailError("usage", `--confirm takes the place, ${typed}`, { hint: "nothing was removed" })
    }
    const recorded = await recordedOf(session)
    const pruned = await pruneBackups(location, {
      store: { ...storeContext(session), signal: session.signal },
      rules: {
        last: options.keepLast,
        daily: options.keepDaily,
        weekly: options.keepWeekly,
        monthly: options.keepMonthly,
        yearly: options.keepYearly,
        within: within === undefined ? undefined : readSpan(within, "--keep-within"),
      },
      recorded,
      confirmed: confirm !== undefined && !dryRun,
      signal: session.signal,
      progress: (name) => session.progress(`removes ${name}`),
    })
    const isSilent = session.quiet && session.format === "table" && confirm !== undefined && !dryRun
    const kept = pruned.filter(({ backup }) => backup.about !== undefined)
    for (const words of unrecordedWords(
      recorded,
      kept.map(({ backup }) => backup.name),
    ))
      session.warn(words)
    return reportOf(pruned, typed, isSilent)
  },
})

function reportOf(pruned: readonly PrunedBackup[], place: string, isSilent: boolean): Report {
  const now = Date.now()
  const left = pruned.filter(({ outcome }) => outcome === "left")
  const count = (outcome: PrunedBackup["outcome"]): number =>
    pruned.filter((one) => one.outcome === outcome).length
  const shown = isSilent ? left : pruned
  const going = count("goes")
  return {
    schema: "pgtrail.pruned_backup/1",
    columns:
      isSilent && left.length === 0
        ? []
        : [
            { name: "name", whole: true },
            { name: "of" },
            { name: "begun" },
            { name: "outcome" },
            { name: "reason" },
            { name: "problem", onRequest: shown.every(({ problem }) => problem === null) },
          ],
    rows: shown.map(({ backup, outcome, reason, problem }) => ({
      name: backup.name,
      of: backup.about === undefined ? null : scopeWords(backup.about),
      begun: agoWords(now - backup.startedAt),
      outcome,
      reason,
      problem,
    })),
    document: {
      schema: "pgtrail.pruned_backups/1",
      backups: pruned.map(({ backup, outcome, reason, problem }) => ({
        name: backup.name,
        log_id: backup.about?.log_id ?? null,
        database: backup.about?.database ?? null,
        partition: backup.about?.partition ?? null,
        organization: backup.about?.organization ?? null,
        started_at: startOf(backup),
        outcome,
        reason,
        problem,
      })),
      removed: String(count("removed")),
      left: String(left.length),
    },
    note: () =>
      going > 0
        ? `nothing was removed: ${plural(going, "backup")} would go with --confirm ${shellWord(place)}`
        : `${plural(count("removed"), "backup")} removed, ${count("stays")} ${count("stays") === 1 ? "stays" : "stay"}${left.length === 0 ? "" : `, ${left.length} could not be removed and are still there`}`,
    exit: left.length > 0 ? 4 : 0,
  }
}
