// pgtrail tail: the newest events, and those that come.
import { command, flag, text } from "../cli/command.js"
import { eventFilterOptions } from "../cli/event-filter.js"
import { cursorFileOption, followReport, refuseDocument } from "../cli/following.js"
import { TrailError } from "../data/errors.js"
import { quoted } from "../data/words.js"

export default command({
  summary: "print the newest events, and follow the log",
  description:
    "Events come in the order in which they were recorded, not in that of the times that applications gave them. Each is printed once, " +
    "whatever the order in which transactions commit; a restart of the server is waited for.\n\n" +
    "--cursor-file keeps in FILE up to where events were printed, and the next run goes on there. It is written after each portion has been " +
    "printed: a run that is killed may print its last portion again, and never leaves one out. The file belongs to one log, and to one set " +
    "of filters. Where the log was set back behind it, by a restore or a failover, that is said, with exit 1.\n\n" +
    "--verify begins where the last verification ended (pgtrail verify), or at the cursor. It computes the hash of every event of the " +
    "organizations that --org names, also of those that other filters leave out, follows the chains, and ends with exit 1 at the first event " +
    "that was altered, moved, inserted or removed without a purge. It does not look at acts, rights and guards, as pgtrail verify does.",
  formats: ["short", "xml"],
  format: "short",
  options: {
    follow: flag("-f, --follow", "go on and print what comes, until Ctrl-C"),
    lines: text(
      "-n, --lines <n>",
      'begin with so many of the newest, or "all": 10 where nothing else says where',
    ),
    cursorFile: cursorFileOption,
    verify: flag("--verify", "check each event and its chain; exit 1 at the first break"),
    ...eventFilterOptions,
  },
  examples: [
    {
      run: "pgtrail tail -f --org acme --severity warning..",
      shows: "what goes wrong at acme, as it happens",
    },
    {
      run: "pgtrail tail --cursor-file siem.cursor --format ndjson -n all",
      shows: "what came since the last run, for another system; all at first",
    },
    { run: "pgtrail tail -f --verify", shows: "alarm at the first break of a chain" },
  ],
  run({ options, session }) {
    if (options.follow) refuseDocument(session, "--follow")
    const newest = options.lines === undefined ? undefined : readLines(options.lines)
    return followReport(session, {
      typed: options,
      cursorFile: options.cursorFile,
      from: newest === "all" ? "beginning" : beginning(newest, options.verify),
      // Of "all" the help says so.
      onlyFirst: typeof newest === "number" ? "--lines" : undefined,
      keepsOn: options.follow,
      verify: options.verify,
    })
  },
})

/** A verification begins where the last one ended, unless something else was asked for. */
function beginning(
  newest: number | undefined,
  verify: boolean,
): { newest: number; lookBack?: number } | undefined {
  // Whoever only wants to follow does not wait until a rare event is found.
  if (newest === undefined) return verify ? undefined : { newest: 10, lookBack: 100_000 }
  return { newest }
}

function readLines(typed: string): number | "all" {
  const lines = Number(typed)
  if (typed === "all") return "all"
  if (/^\d+$/.test(typed) && Number.isSafeInteger(lines)) return lines
  throw new TrailError("usage", `--lines takes a whole number or all, not ${quoted(typed)}`)
}
