// An actor as text for people: who it is, what it did day by day, and from where.
import { grouped, plural } from "../words.js"
import type { DayCount, Seen, ShownActor } from "./actor.js"
import { brief, layout, some } from "./layout.js"

const width = 15
const line = (name: string, value: string): string => `${name.padEnd(width)}${value}`

/** `width`: of the terminal, which tables are made to fit. */
export function describeActor(actor: ShownActor, width?: number): string {
  const header = [
    ["organizations", actor.organizations],
    ["names", actor.names],
    ["e-mails", actor.emails],
    ["types", actor.types],
    ["roles", actor.roles],
    ["devices", actor.devices],
  ] as const
  const often = [...actor.outcomes].sort((a, b) => (BigInt(a.events) < BigInt(b.events) ? 1 : -1))
  const outcomes = often.map(({ value, events }) => `${grouped(events)} ${value}`)
  return [
    `actor ${brief(actor.actor_id, 300)}`,
    "",
    line("events", `${grouped(actor.events)}: ${outcomes.join(", ")}`),
    line("first event", actor.first_event),
    line("last event", actor.last_event),
    ...header.flatMap(([name, seen]) => (seen.length === 0 ? [] : [line(name, few(seen))])),
    "",
    ...timeline(actor.timeline, width),
    ...places("address", "addresses", actor.addresses, width),
    ...places("session", "sessions", actor.sessions, width),
    ...(actor.cut.length === 0
      ? []
      : [
          "",
          `of ${actor.cut.join(", ")} there is more than is told: narrow the time with --since and --until`,
        ]),
  ].join("\n")
}

/** Those that were seen last, in one line; a name that is one of several with how often. */
function few(seen: readonly Seen[]): string {
  const only = seen.length === 1
  const shown = seen
    .slice(0, 5)
    .map(({ value, events }) => (only ? brief(value) : `${brief(value)} (${grouped(events)})`))
  const left = seen.length - shown.length
  return shown.join(", ") + (left > 0 ? `, and ${plural(left, "other")}` : "")
}

const days = 31
const typesOfDay = 6

function timeline(counts: readonly DayCount[], width: number | undefined): string[] {
  const byDay = new Map<string, DayCount[]>()
  for (const count of counts) byDay.set(count.day, [...(byDay.get(count.day) ?? []), count])
  return some([...byDay], days, "days", (shown) =>
    layout(
      [
        ["day", "events", "types"],
        ...shown.map(([day, types]) => {
          const sum = types.reduce((total, { events }) => total + BigInt(events), 0n)
          const named = types
            .slice(0, typesOfDay)
            .map(({ event_type: type, events }) => `${brief(type, 40)} ${grouped(events)}`)
          const left = types.length - named.length
          return [
            day,
            grouped(sum),
            named.join(", ") + (left > 0 ? `, and ${plural(left, "other type")}` : ""),
          ]
        }),
      ],
      [1],
      width,
    ),
  )
}

function places(title: string, noun: string, seen: readonly Seen[], width: number | undefined): string[] {
  if (seen.length === 0) return []
  const rows = (shown: readonly Seen[]): string[][] =>
    shown.map((one) => [brief(one.value), grouped(one.events), one.first_event, one.last_event])
  return [
    "",
    ...some(seen, 10, noun, (shown) =>
      layout([[title, "events", "first event", "last event"], ...rows(shown)], [1], width),
    ),
  ]
}
