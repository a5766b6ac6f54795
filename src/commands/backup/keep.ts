// pgtrail backup keep: nobody's rule removes this backup, until it is released. Needs no database.
import { backupArgument, locateTyped, placeConfiguration, userName } from "../../cli/backup.js"
import { command, flag, text } from "../../cli/command.js"
import { keepIn, releaseIn } from "../../data/backup/keep.js"
import { TrailError } from "../../data/errors.js"
import { visible } from "../../data/words.js"

export default command({
  summary: "keep a backup whatever pgtrail backup prune says, or release it",
  description:
    "Writes keep.json beside the files of the backup, with the reason, the user of this machine and the time; --release takes it away. It binds " +
    "pgtrail backup prune alone: whoever may write there may delete the files; a store that never deletes (object lock) is what keeps them from that. Needs no database.",
  args: { backup: backupArgument },
  configuration: placeConfiguration,
  configuredUnder: "backup create",
  options: {
    reason: text("--reason <text>", "why; is shown by list, show and prune"),
    release: flag("--release", "keep it no longer"),
  },
  examples: [
    {
      run: "pgtrail backup keep /srv/backup/backup-20261122T013000Z-a1b2c3 --reason 'before the migration'",
      shows: "that it is kept",
    },
    {
      run: "pgtrail backup keep /srv/backup/backup-20261122T013000Z-a1b2c3 --release",
      shows: "that nothing keeps it any more but the rules",
    },
  ],
  async run({ args, options, configuration, session }) {
    const { reason, release } = options
    if (release === (reason !== undefined)) {
      throw new TrailError("usage", release ? "--release takes no --reason" : "no reason is named", {
        hint: "nothing was changed; pgtrail backup keep PLACE/NAME --reason TEXT, or --release",
      })
    }
    if (release && args.backup === undefined) {
      throw new TrailError("usage", "no backup is named", {
        hint: "nothing was changed; pgtrail backup keep PLACE/NAME --release",
      })
    }
    // To release one that was not named would be to guess.
    const { store, name } = await locateTyped(args.backup, session, configuration, {
      newest: !release,
      nothing: "nothing was changed",
    })
    try {
      const at = new Date().toISOString().replace(/Z$/, "000Z")
      const kept = reason === undefined ? null : { reason, by: userName(), at }
      const before = kept === null ? await releaseIn(store, name) : null
      if (kept !== null) await keepIn(store, name, kept, { signal: session.signal })
      const words =
        kept !== null
          ? `${name} is kept: ${visible(kept.reason)}`
          : before === null
            ? `nothing had kept ${name}`
            : `${name} is kept no longer (it was: ${visible(before.reason)})`
      const row = {
        name,
        location: store.location,
        kept: kept?.reason ?? null,
        released: before?.reason ?? null,
      }
      return {
        schema: "pgtrail.kept_backup/1",
        columns: [
          { name: "name", whole: true },
          { name: "location" },
          { name: "kept" },
          { name: "released" },
        ],
        rows: [row],
        document: { schema: "pgtrail.kept_backup/1", ...row },
        text: words,
      }
    } finally {
      await store.close()
    }
  },
})
