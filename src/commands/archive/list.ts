// pgtrail archive list: the archives of the log, and what lies where they should be.
import { command, flag, text } from "../../cli/command.js"
import { storeContext } from "../../cli/store.js"
import type { ListedArchive } from "../../data/archive/list.js"
import { noteFailures, noteListed } from "../../data/archive/words.js"
import { TrailError } from "../../data/errors.js"
import { size } from "../../data/status/facts.js"
import { readLocation } from "../../data/store/location.js"

export default command({
  summary: "list the archives: events, place, how long each is kept, and its state",
  description:
    "archived: its events are out of the table. restored: they are back. removed: its files were, by an act; these are listed with --all alone. kept_until " +
    "is what policies and floors of retention say now. --at looks at a place for what should be there (exit 4 where one is missing), and for orphans: files " +
    "of which no act of this log tells, because a run was killed, or because another log owns them. --failed lists what could not be archived, and is tried again. Needs one of the roles pgtrail_reader, " +
    "pgtrail_auditor and pgtrail_operator; --failed one of the last two.",
  options: {
    all: flag("--all", "also those that were removed"),
    failed: flag("--failed", "what could not be archived, and why"),
    at: text("--at <place>", "look there: a folder, s3://BUCKET/PREFIX, or table:"),
  },
  examples: [
    { run: "pgtrail archive list", shows: "all archives, oldest events first" },
    { run: "pgtrail archive list --at /srv/archive", shows: "what is missing there, and what nobody owns" },
  ],
  async run({ options, session }) {
    if (options.failed) {
      if (options.at !== undefined) throw new TrailError("usage", "--failed and --at contradict each other")
      if (options.all) throw new TrailError("usage", "--failed and --all contradict each other")
      const failed = await (await session.trail()).archiveFailures()
      return {
        schema: "pgtrail.archive_failure/1",
        columns: [
          { name: "partition" },
          { name: "location" },
          { name: "failures", kind: "number" },
          { name: "first_failed_at" },
          { name: "last_failed_at" },
          { name: "reason" },
          { name: "original", kind: "json", onRequest: session.format === "table" },
        ],
        rows: failed.map((one) => ({ ...one, original: JSON.stringify(one.original) })),
        note: () => noteFailures(failed),
      }
    }
    const at = options.at === undefined ? undefined : readLocation(options.at, session.io.cwd)
    const listed = await (await session.trail()).archives({
      at,
      store: { ...storeContext(session), signal: session.signal },
      signal: session.signal,
    })
    // What was removed and lies there still is no business of the past.
    const shown = listed
      .filter((row) => options.all || row.state !== "removed" || row.found === true)
      .map((row) => (row.state === "removed" && row.found === false ? { ...row, found: null } : row))
    const isShort = session.format === "table" && session.fields === undefined
    return {
      schema: "pgtrail.archive/1",
      columns: [
        { name: "name", whole: true },
        { name: "partition", onRequest: isShort },
        { name: "events", kind: "number" },
        { name: "bytes", kind: "number" },
        { name: "location" },
        { name: "oldest" },
        { name: "newest" },
        { name: "kept_until" },
        { name: "state" },
        { name: "found", kind: "boolean", onRequest: at === undefined },
        ...(["act", "restored_act", "removed_act"] as const).map(
          (name) => ({ name, kind: "number", onRequest: session.format === "table" }) as const,
        ),
      ],
      rows: shown.map((row) => (isShort ? short(row) : { ...row })),
      note: () => noteListed(listed, at, options.all),
      exit: listed.some((row) => row.found === false && row.state !== "removed") ? 4 : 0,
    }
  },
})

const short = (row: ListedArchive) => ({
  ...row,
  bytes: size(row.bytes),
  oldest: dayOf(row.oldest),
  newest: dayOf(row.newest),
  kept_until: row.kept_until === "infinity" ? "for ever" : dayOf(row.kept_until),
})

/** As it is where it has no day: infinity, a year before 1. */
const dayOf = (time: string | null): string | null =>
  /^\d{4}-\d\d-\d\d(?=T.*Z$)/.exec(time ?? "")?.[0] ?? time
