// An opened incarnation for people: what is lost, lane by lane.
import { plural, visible } from "../words.js"
import type { LostLane, OpenedIncarnation } from "./incarnation.js"

/** A long list is in --json. */
const mostLanes = 20

export function describeIncarnation(opened: OpenedIncarnation): string {
  const { number, reason, log_id, act, lost } = opened
  const done = act === null ? `would open incarnation ${number}` : `opened incarnation ${number}`
  const head = `${done} (${reason}) of log ${log_id}${act === null ? "" : `, recorded as act ${act}`}`
  const since = `since the ${visible(opened.checkpoint)} of ${opened.checkpoint_time}`
  const acts = opened.acts_lost
    ? [`the act of that checkpoint is lost as well, and what was recorded after it`]
    : []
  if (lost.length === 0) return [head, `no event is lost ${since}`, ...acts].join("\n")
  const more = lost.length - mostLanes
  const shown = lost.slice(0, mostLanes)
  const width = Math.max(...shown.map((lane) => placeOf(lane).length))
  return [
    head,
    `lost ${since}: ${plural(opened.events_lost, "event")} in ${plural(opened.lanes_lost, "lane")}`,
    ...shown.map((lane) => `  ${placeOf(lane).padEnd(width)}  ${rangeOf(lane)}`),
    ...(more > 0 ? [`  and ${plural(String(more), "lane")} more: --json lists all`] : []),
    ...acts,
  ].join("\n")
}

const placeOf = ({ organization_id, lane }: LostLane): string => visible(`${organization_id}/${lane}`)

function rangeOf({ kept_seq, lost_seq }: LostLane): string {
  const first = BigInt(kept_seq) + 1n
  return first === BigInt(lost_seq) ? `event ${lost_seq}` : `events ${first} to ${lost_seq}`
}
