// How many events match: counted, or estimated by the planner.
import type { ConnectionTarget } from "../connection.js"
import { conditionText } from "./filter.js"
import { refuseBound } from "./source.js"
import { type Question, withWalk } from "./walk.js"

/** Exactly, as decimal text: each partition by a statement of its own. */
export async function countEvents(target: ConnectionTarget, question: Question): Promise<string> {
  return withWalk(target, question, {}, async ({ client, source, segments, filter }) => {
    let events = 0n
    for (const [at, segment] of segments.entries()) {
      question.progress?.(at, segments.length)
      const { text, params } = conditionText(filter, segment, source, 1)
      const { rows } = await client.query<{ events: string }>(
        `select count(*) as events from pgtrail.${source.events} where ${text}`,
        [...params],
      )
      events += BigInt(rows[0]?.events ?? "0")
    }
    return String(events)
  })
}

/** What the planner thinks, from the statistics of each partition: reads no event. */
export async function estimateEvents(target: ConnectionTarget, question: Question): Promise<string> {
  return withWalk(target, question, {}, async ({ client, source, segments, filter }) => {
    refuseBound(source, "an estimate")
    let events = 0n
    for (const [at, segment] of segments.entries()) {
      question.progress?.(at, segments.length)
      const { text, params } = conditionText(filter, segment, source, 1)
      const { rows } = await client.query<{ "QUERY PLAN": string }>(
        `explain select from pgtrail.${source.events} where ${text}`,
        [...params],
      )
      events += BigInt(/ rows=(\d+) /.exec(rows[0]?.["QUERY PLAN"] ?? "")?.[1] ?? "0")
    }
    return String(events)
  })
}
