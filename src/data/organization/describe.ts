// An organization as text for people.
import { grouped, plural, visible } from "../words.js"
import type { ShownOrganization } from "./show.js"

const width = 15
/** Lanes that are shown to people. */
const listed = 10

export function describeOrganization(shown: ShownOrganization): string {
  const { heads, recent, purges, readers } = shown
  const lines = [
    `organization ${visible(shown.organization_id)}`,
    "",
    line("events", `${grouped(shown.events)} appended${purgedWords(shown.purged)}`),
    ...(shown.first_event === null ? [] : [line("first event", shown.first_event)]),
    ...(shown.newest_event === null ? [] : [line("newest event", shown.newest_event)]),
    ...(readers === null
      ? []
      : [line("bound readers", readers.length === 0 ? "none" : readers.map(visible).join(", "))]),
    ...heads.slice(0, listed).map(({ lane, seq, hash }) => line(`lane ${lane}`, `${grouped(seq)}  ${hash}`)),
    ...(heads.length > listed ? [line("lanes", `${grouped(heads.length - listed)} more, in --json`)] : []),
  ]
  if (recent !== null) {
    const of = recent.all ? plural(recent.events, "event") : `the newest ${plural(recent.events, "event")}`
    lines.push(line("last 30 days", `${of}, ${plural(recent.actors, "actor")}`))
    for (const { event_type: type, events } of recent.event_types) {
      lines.push(line("", `${grouped(events).padStart(9)}  ${visible(type)}`))
    }
  }
  for (const { act, events, lanes, recorded_at: at, session_user_name: who, restored_act: back } of purges ??
    []) {
    const when = at === null ? "" : ` at ${at} by ${visible(who ?? "")}`
    const restored = back === null ? "" : `; restored by act ${back}`
    lines.push(
      line("purge", `${plural(events, "event")} in ${plural(lanes, "lane")}, act ${act}${when}${restored}`),
    )
  }
  return lines.join("\n")
}

const purgedWords = (purged: string | null): string =>
  purged === null || purged === "0" ? "" : `, ${grouped(purged)} of them purged`

const line = (name: string, value: string): string => `${name.padEnd(width)}${value}`
