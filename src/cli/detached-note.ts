// Beside an answer: which partitions of the time that was asked are detached, so that their events are not in it.
import { describeDetached } from "../data/query/detached.js"
import type { Report, Row } from "./report.js"
import type { Session } from "./session.js"

interface Period {
  readonly since?: string | undefined
  readonly until?: string | undefined
}

/** Asked while the answer is read, on a connection of its own. */
export async function withDetached(
  answer: Report | Promise<Report>,
  period: Period,
  session: Session,
): Promise<Report> {
  const report = await answer
  const trail = await session.trail()
  // Where it cannot be asked, the answer itself says why.
  const asked = trail.detachedPartitions(period).then(describeDetached, () => undefined)
  const heard = async (): Promise<string | undefined> => {
    const said = await asked
    // Notes are not printed with json, and whoever counts on the answer must know.
    if (said !== undefined && session.format === "json") session.warn(said)
    return said
  }
  let told: string | undefined
  async function* rows(): AsyncGenerator<Row> {
    yield* report.rows
    told = await heard()
  }
  // Rows that are not read, where the answer has a text or a document, must not leave it unasked.
  if (!(Symbol.asyncIterator in report.rows)) told = await heard()
  return {
    ...report,
    ...(Symbol.asyncIterator in report.rows ? { rows: rows() } : {}),
    note: () => {
      const note = typeof report.note === "function" ? report.note() : report.note
      return [told, note].filter((line) => line !== undefined && line !== "").join("\n") || undefined
    },
  }
}
