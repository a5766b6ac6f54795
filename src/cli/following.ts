// What commands share that print events in the order of arrival: portions, and a cursor that is kept only after they were printed.
import { TrailError } from "../data/errors.js"
import type { EventRow, FollowOptions } from "../data/index.js"
import { maker, needed } from "../data/query/made.js"
import type { Report, Row, Session } from "./command.js"
import { printedColumns, reportColumns } from "./event-columns.js"
import {
  describeFilter,
  type EventFilterValues,
  eventFilterOptions,
  readEventFilter,
} from "./event-filter.js"
import { file } from "./options.js"

export const cursorFileOption = file(
  "--cursor-file <file>",
  "go on where the last run with this file stopped; begun at the first",
)

export interface FollowRun {
  /** The options of `eventFilterOptions`, as they were typed. */
  readonly typed: EventFilterValues
  readonly cursorFile: string | undefined
  /** Where the first run begins. */
  readonly from: FollowOptions["from"]
  /** What was typed that says where the first run begins, and nothing of a later one. */
  readonly onlyFirst?: string | undefined
  readonly keepsOn?: boolean
  readonly verify?: boolean
  readonly limit?: number | undefined
}

/** Nothing is asked before the report is printed. */
export async function followReport(session: Session, run: FollowRun): Promise<Report> {
  const filter = readEventFilter(run.typed)
  const columns = printedColumns(session)
  const file = run.cursorFile === undefined ? undefined : await openFile(session.path(run.cursorFile))
  const trail = await session.trail()
  const following = await trail.follow({
    filter,
    columns: needed(columns),
    question: questionOf(run.typed),
    from:
      file?.cursor === undefined ? run.from : { cursor: file.cursor, name: `the cursor file ${file.path}` },
    keepsOn: run.keepsOn,
    verify: run.verify,
    limit: run.limit,
    signal: session.signal,
    tell: session.warn,
  })
  let printed = 0
  async function* rows(portion: AsyncIterable<EventRow>): AsyncGenerator<Row> {
    const make = maker(columns)
    for await (const row of portion) {
      printed += 1
      yield make(row)
    }
  }
  async function* portions(): AsyncGenerator<AsyncIterable<Row>> {
    const save = async () => file?.save(following.cursor())
    for await (const portion of following.portions()) {
      yield rows(portion)
      await save()
    }
    await save()
  }
  const told = (): (string | undefined)[] => [
    printed === 0 && !following.more && run.keepsOn !== true ? "no new events match" : undefined,
    following.more ? moreThan(printed) : undefined,
    file?.cursor !== undefined && run.onlyFirst !== undefined
      ? `${run.onlyFirst} counts in the first run with --cursor-file: this one went on where the last stopped`
      : undefined,
    run.verify ? checked(following) : undefined,
    describeFilter(filter),
  ]
  return {
    schema: "pgtrail.event/1",
    columns: reportColumns(columns),
    rows: [],
    portions: portions(),
    note: () => told().filter(Boolean).join("\n") || undefined,
    exit: () => (following.missing > 0n ? 1 : following.unknown > 0n ? 4 : 0),
  }
}

const moreThan = (printed: number): string =>
  printed === 0
    ? "new events match: raise --limit"
    : `more events have come than the ${printed} shown: run it again, or raise --limit`

function checked({ checked: events, unknown }: { checked: bigint; unknown: bigint }): string {
  const whole = `${events} events checked: each is what it was, and follows the one before`
  return unknown === 0n
    ? whole
    : `${whole}; ${unknown} places are empty, and this role may not know whether they were purged`
}

/** As typed: `--since -2h` is the same question in each run, though not the same time. */
function questionOf(typed: EventFilterValues): string {
  const names = Object.keys(eventFilterOptions) as (keyof EventFilterValues)[]
  const values = names.map((name) => [name, typed[name]] as const)
  const asked = values.filter(([, value]) => value !== undefined && value.length > 0)
  return JSON.stringify(asked.map(([name, value]) => [name, [...new Set([value ?? []].flat())].sort()]))
}

async function openFile(path: string) {
  const { openCursorFile } = await import("../data/follow/cursor-file.js")
  return openCursorFile(path)
}

/** A document that has no end before somebody stops it serves nobody. */
export function refuseDocument(session: Session, flag: string): void {
  if (session.format !== "json" && session.format !== "xml") return
  throw new TrailError(
    "usage",
    `${flag} and --format ${session.format} contradict each other: the document would never end`,
    {
      hint: "--format ndjson gives one JSON object a line",
    },
  )
}
