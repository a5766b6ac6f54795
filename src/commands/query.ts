// pgtrail query: events that match, how many there are, a sample of them, or how the server finds them.
import { command, file, flag, type Report, type Session, text } from "../cli/command.js"
import { withDetached } from "../cli/detached-note.js"
import { eventFilterOptions, readEventFilter } from "../cli/event-filter.js"
import { cursorFileOption, followReport } from "../cli/following.js"
import type { OptionValues } from "../cli/options.js"
import { listReport } from "../cli/page.js"
import { countReport, explainReport, type Page, sampleReport } from "../cli/question.js"
import { TrailError } from "../data/errors.js"
import { readCursor } from "../data/query/cursor.js"
import { readLimit } from "../data/query/typed.js"

const options = {
  ...eventFilterOptions,
  limit: text("--limit <n>", 'at most this many, or "all": 100, with --cursor-file all, where none is told'),
  reverse: flag("--reverse", "the oldest first"),
  after: text(
    "--after <cursor>",
    'the next page: where the last one ended ("next" of --json), with the same filters',
  ),
  cursorFile: cursorFileOption,
  count: flag("--count", "only how many match, exactly"),
  estimate: flag("--estimate", "only how many match as the planner thinks, quickly"),
  sample: text("--sample <n>", "this many drawn by chance from all that match, and how many those are"),
  seed: text("--seed <text>", "draws the same --sample again"),
  explain: flag(
    "--explain",
    "how the server finds them, partition by partition; with --verbose it also does",
  ),
  out: file("--out <file>", "writes the answer (csv, ndjson, xml) into a file, with a manifest beside it"),
}
type Options = OptionValues<typeof options>

export default command({
  summary: "list events, newest first",
  description:
    "An event is listed when it meets every filter; of one filter given several times, any. Times are UTC: 2026-07, 2026-07-10, " +
    "2026-07-10T12:30:00Z, now, today, yesterday, -2h or 7d (that long ago). --since is included, --until is not: --since 2026-07 --until " +
    "2026-08 is the whole of July. --not leaves out what would meet a filter: --not severity=debug..info --not 'type=auth.*'.\n\n" +
    "--where is a path of SQL/JSON that is true or false; what an event lacks is neither, and does not match. --sample takes the events whose " +
    "sha256 of SEED/ORG/LANE/SEQ is least, so that everybody who has the log can draw it again.\n\n" +
    "json, ndjson, csv and xml have every column of the event; --fields chooses among them, and among resource (TYPE/ID) and event (ORG/LANE/SEQ).",
  formats: ["short", "xml"],
  options,
  examples: [
    { run: "pgtrail query --org acme --since 2026-11-01", shows: "what happened at acme this month" },
    {
      run: "pgtrail query --type 'auth.*' --outcome denied --outcome failure --since -24h --severity warning..",
      shows: "who was turned away in the last 24 hours",
    },
    {
      run: "pgtrail query --resource file/4711 --limit all --format csv",
      shows: "the whole history of one file",
    },
    {
      run: `pgtrail query --org acme --where '$.user.plan == "pro"' --ip 203.0.113.0/24 --not action=read`,
      shows: "what customers of one plan changed from one network",
    },
    {
      run: "pgtrail query --org acme --cursor-file acme.cursor --format ndjson",
      shows: "for cron: what has come since the last run, late events too; everything at first",
    },
    {
      run: "pgtrail query --org acme --since 2026-07 --until 2026-10 --sample 25 --seed audit-2026-q3",
      shows: "25 events of a quarter, for an auditor to look into",
    },
  ],
  async run({ options: typed, session }) {
    if (typed.cursorFile !== undefined) return newReport(typed.cursorFile, typed, session)
    const mode = modeOf(typed)
    // The words of a question mean the same on each of its pages.
    const asked = typed.after === undefined ? undefined : readCursor(typed.after).asked
    const now = asked === undefined ? new Date() : new Date(asked)
    const filter = readEventFilter(typed, now)
    if (mode === "count" || mode === "estimate")
      return withDetached(countReport(mode, filter, session), filter, session)
    const page = pageOf(typed)
    if (mode === "explain") return explainReport(page, filter, session)
    const report =
      typed.sample === undefined
        ? listReport({ typed, page, filter, now }, session)
        : sampleReport({ ...page, sample: typed.sample, seed: typed.seed }, filter, session)
    const answer = withDetached(report, filter, session)
    if (typed.out === undefined) return answer
    const { intoFile } = await import("../cli/answer-file.js")
    return intoFile(answer, typed.out, { typed, filter }, session)
  },
})

const modes = ["count", "estimate", "sample", "explain"] as const
type Mode = (typeof modes)[number] | "list"

const isGiven = (value: string | boolean | undefined): boolean => value !== undefined && value !== false

function modeOf(typed: Options): Mode {
  const [mode, other] = modes.filter((name) => isGiven(typed[name]))
  const without = {
    list: ["seed"],
    count: ["limit", "reverse", "after", "seed", "out"],
    estimate: ["limit", "reverse", "after", "seed", "out"],
    sample: ["limit", "after"],
    explain: ["seed", "out"],
  } as const
  const odd = other ?? without[mode ?? "list"].find((name) => isGiven(typed[name]))
  if (odd === undefined) return mode ?? "list"
  if (mode === undefined) throw new TrailError("usage", `--${odd} is for --sample`)
  throw new TrailError("usage", `--${mode} and --${odd} do not go together`)
}

/** In the order of arrival, so that a late event is not left out. */
function newReport(cursorFile: string, typed: Options, session: Session): Promise<Report> {
  const other = [...modes, "reverse", "after", "seed", "out"] as const
  const odd = other.find((name) => isGiven(typed[name]))
  if (odd !== undefined) throw new TrailError("usage", `--cursor-file and --${odd} do not go together`)
  const limit = typed.limit === undefined ? undefined : readLimit(typed.limit)
  return followReport(session, { typed, cursorFile, from: "beginning", limit })
}

function pageOf({ limit = "100", reverse, after }: Options): Page {
  return { limit: readLimit(limit), order: reverse ? "oldest" : "newest", after }
}
