// pgtrail backup show: all that one backup says of itself, and what was found of it. Needs no database.
import { backupArgument, locateTyped, placeConfiguration } from "../../cli/backup.js"
import { command } from "../../cli/command.js"
import { describeFound, listedBackup } from "../../data/backup/describe.js"
import { findBackup } from "../../data/backup/list.js"
import { stored } from "../../data/backup/manifest.js"
import { badResult } from "../../data/backup/results.js"

export default command({
  summary: "show a backup: its tables, log, heads and recipients, who keeps it, how it was verified",
  description:
    "What the manifest says, whether the files are there in their size, and the results of its verifications. That what is in the files is true only " +
    "pgtrail backup verify tells. Exit code 1 where it is damaged or was found tampered with, 4 where it is unfinished or cannot be read. Needs no database.",
  args: { backup: backupArgument },
  configuration: placeConfiguration,
  configuredUnder: "backup create",
  examples: [
    {
      run: "pgtrail backup show /srv/backup/backup-20261122T013000Z-a1b2c3",
      shows: "what is in it, and of which log",
    },
    { run: "pgtrail backup show s3://audit-backup/prod", shows: "the newest good one there" },
  ],
  async run({ args, configuration, session }) {
    const { store, name } = await locateTyped(args.backup, session, configuration, {
      nothing: "nothing was changed",
    })
    try {
      const found = await findBackup(store, name, { signal: session.signal })
      const now = Date.now()
      const { read, state, results } = found
      return {
        schema: "pgtrail.backup_table/1",
        columns: [
          { name: "name" },
          { name: "kind" },
          { name: "rows", kind: "number" },
          { name: "bytes", kind: "number" },
          { name: "since" },
          { name: "until" },
          { name: "taken_over" },
          { name: "file" },
          { name: "sha256" },
        ],
        rows: (read?.manifest.tables ?? []).map(({ file, taken_over: from, ...table }) => ({
          name: table.name,
          kind: table.kind,
          rows: table.rows,
          bytes: stored(file).bytes,
          since: table.since,
          until: table.until,
          taken_over: from?.backup ?? null,
          file: file.name,
          sha256: stored(file).sha256,
        })),
        document: {
          schema: "pgtrail.backup_show/1",
          location: store.location,
          ...listedBackup(found, now),
          manifest_sha256: read?.sha256 ?? null,
          manifest: read?.manifest ?? null,
          results,
        },
        text: () => describeFound(found, store.location, now),
        exit: state === "damaged" || badResult(results) !== undefined ? 1 : state === "finished" ? 0 : 4,
      }
    } finally {
      await store.close()
    }
  },
})
