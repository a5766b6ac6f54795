// A page of events as it is printed, and how to come to the next.

import type { EventFilter } from "../data/query/criteria.js"
import { maker, needed } from "../data/query/made.js"
import { isRelative } from "../data/query/time.js"
import { typedAgain } from "./again.js"
import { printedColumns, reportColumns } from "./event-columns.js"
import type { EventFilterValues } from "./event-filter.js"
import { noteOf, type Page, watched } from "./question.js"
import type { Report, Row } from "./report.js"
import type { Session } from "./session.js"

interface Asked {
  readonly typed: Pick<EventFilterValues, "since" | "until">
  readonly page: Page
  readonly filter: EventFilter
  /** What the words of time in it count from. */
  readonly now: Date
}

/** A page of events, and the line to type for the next. */
export async function listReport({ typed, page, filter, now }: Asked, session: Session): Promise<Report> {
  const columns = printedColumns(session)
  const isRelativeTo = [typed.since, typed.until].some((word) => word !== undefined && isRelative(word))
  const trail = await session.trail()
  const events = await trail.query({
    ...filter,
    ...page,
    asked: isRelativeTo ? now.toISOString() : undefined,
    columns: needed(columns),
    ...watched(session),
  })
  let printed = 0
  async function* rows(): AsyncGenerator<Row> {
    const make = maker(columns)
    for await (const row of events) {
      printed += 1
      yield make(row)
    }
  }
  const found = (): string | undefined => {
    if (printed === 0 && page.limit !== 0)
      return page.after === undefined ? "no events match" : "no more events match"
    return events.more
      ? `more events match than the ${printed} shown${nextPage(events.next, session)}`
      : undefined
  }
  return {
    schema: "pgtrail.event/1",
    columns: reportColumns(columns),
    rows: rows(),
    next: () => events.next,
    note: () => noteOf(found(), filter),
  }
}

/** The line to type for it; a very long one nobody would type. */
function nextPage(next: string | null, { argv }: Session): string {
  if (next === null) return ""
  const line = typedAgain(argv, "--after", next)
  // A file is not written a second time.
  const isTold = line.length > 1000 || argv.some((word) => /^--out(=|$)/.test(word))
  return `; the next page:\n${isTold ? `the same with --after ${next}` : line}`
}
