// The answers to questions about many events that are no list of them: how many, a sample, a plan.
import { randomUUID } from "node:crypto"
import { writeTime } from "../data/query/columns.js"
import type { EventFilter } from "../data/query/criteria.js"
import { maker, needed } from "../data/query/made.js"
import type { Order } from "../data/query/order.js"
import { readSize } from "../data/query/typed.js"
import { grouped, plural } from "../data/words.js"
import { printedColumns, reportColumns } from "./event-columns.js"
import { describeFilter } from "./event-filter.js"
import type { Report, Row } from "./report.js"
import type { Session } from "./session.js"

/** How a page is asked for. */
export interface Page {
  readonly limit: number | undefined
  readonly order: Order
  readonly after: string | undefined
}

/** What a question without an index takes its time with can be seen, and stopped. */
export const watched = (session: Session) => ({
  signal: session.signal,
  progress: (done: number, all: number) => session.progress(`searching: ${done} of ${all} partitions`),
})

/** What was understood and what was found; a command to type comes last. */
export const noteOf = (found: string | undefined, filter: EventFilter): string | undefined =>
  [describeFilter(filter), found].filter((line) => line !== undefined).join("\n") || undefined

export async function countReport(
  mode: "count" | "estimate",
  filter: EventFilter,
  session: Session,
): Promise<Report> {
  const trail = await session.trail()
  const events = await trail[mode]({ ...filter, ...watched(session) })
  const said = mode === "count" ? undefined : "an estimate, from the planner's statistics; --count counts"
  return {
    schema: `pgtrail.${mode}/1`,
    columns: [{ name: mode, kind: "number" }],
    rows: [{ [mode]: events }],
    text: grouped(events),
    note: () => noteOf(said, filter),
  }
}

export async function sampleReport(
  typed: { readonly sample: string; readonly seed: string | undefined; readonly order: Order },
  filter: EventFilter,
  session: Session,
): Promise<Report> {
  const size = readSize(typed.sample)
  const seed = typed.seed ?? randomUUID().slice(0, 8)
  const columns = printedColumns(session)
  const trail = await session.trail()
  const sample = await trail.sample({
    ...filter,
    size,
    seed,
    order: typed.order,
    columns: needed(columns),
    ...watched(session),
  })
  let printed = 0
  async function* rows(): AsyncGenerator<Row> {
    const make = maker(columns)
    for await (const row of sample) {
      printed += 1
      yield make(row)
    }
  }
  return {
    schema: "pgtrail.event/1",
    columns: reportColumns(columns),
    rows: rows(),
    further: () => ({ population: sample.population ?? null, sample: typed.sample, seed }),
    note: () =>
      noteOf(
        `${plural(printed, "event")} drawn from a population of ${grouped(sample.population ?? "0")} with --seed ${seed}`,
        filter,
      ),
  }
}

export async function explainReport(page: Page, filter: EventFilter, session: Session): Promise<Report> {
  const trail = await session.trail()
  const run = session.verbose
  const plan = await trail.explain({ ...filter, ...page, run, ...watched(session) })
  const { segments, partitions, pruned, spared } = plan
  const time = (end: string | null): string | null => (end === null ? null : writeTime(end))
  const opened = partitions - pruned
  const spare = spared === 0 ? "" : `: ${grouped(spared)} not run`
  return {
    schema: "pgtrail.plan/1",
    columns: [
      { name: "since" },
      { name: "until" },
      { name: "partitions" },
      { name: "rows", kind: "number" },
      { name: "cost", kind: "number" },
      { name: "returned", kind: "number", onRequest: !run },
      { name: "milliseconds", kind: "number", onRequest: !run },
      { name: "blocks", kind: "number", onRequest: !run },
      { name: "plan" },
      { name: "explain", onRequest: true },
    ],
    rows: segments.map((one) => ({ ...one, since: time(one.since), until: time(one.until) })),
    note: () =>
      noteOf(
        `${opened} of ${plural(partitions, "partition")}, ${pruned} pruned; ${plural(segments.length, "statement")} in this order until the limit is full${spare}`,
        filter,
      ),
  }
}
