// Holds in words, for people.
import { grouped, plural, visible } from "../words.js"
import type { AddedHold } from "./add.js"
import type { HeldCount } from "./count.js"
import { type Hold, namesOf } from "./hold.js"
import type { ReleasedHold } from "./release.js"
import type { ShownHold } from "./show.js"

export function describeAdded({ hold, held }: AddedHold): string {
  const until =
    hold.expires_at === null ? "until it is released" : `until ${hold.expires_at}, or until it is released`
  return [
    `the case ${visible(hold.case_id)} holds ${whatOf(hold)}, ${until}`,
    ...(held === null ? [] : [heldWords(held), ...organizations(held)]),
  ].join("\n")
}

/** What is of these, and when it occurred. */
function whatOf(hold: Hold): string {
  const { since, until } = hold
  const names = namesOf({ ...hold, since: null, until: null })
  const of = names === "" ? [] : [`is of ${names}`]
  const from = since === null ? [] : [`from ${since} on`]
  const before = until === null ? [] : [`before ${until}`]
  const times = [...from, ...before]
  const occurred = times.length === 0 ? [] : [`occurred ${times.join(" and ")}`]
  return `what ${[...of, ...occurred].join(" and ")}`
}

/** The act, and what may be a slip: an organization that is not there, a hold that the case had already. */
export function noteAdded({ hold, organization_known: isKnown, near, same }: AddedHold): string {
  const notes = [`recorded as act ${hold.act}`]
  if (isKnown === false) {
    const meant = near === null ? "" : `; did you mean ${visible(near)}?`
    notes.push(
      `there is no organization ${visible(hold.organization_id ?? "")} in this log yet: the hold waits for its events${meant}`,
    )
  }
  if (same.length > 0) {
    notes.push(
      `the case has the same hold already: ${same.length === 1 ? "act" : "acts"} ${same.join(", ")}; both are in force until the case is released`,
    )
  }
  return notes.join("\n")
}

const heldWords = ({ events }: HeldCount): string =>
  events === "0"
    ? "no event fits now: what is appended and fits is held too"
    : `${plural(events, "event")} held now; what is appended and fits is held too`

export function describeReleased({ case_id: name, holds, held, free }: ReleasedHold): string {
  const lines = [
    `released ${plural(holds.length, "hold")} of the case ${visible(name)}`,
    ...holds.map(
      (hold) => `  hold ${hold.act}: ${namesOf(hold)}${isPast(hold) ? ", which had expired" : ""}`,
    ),
  ]
  if (held === null || free === null) return lines.join("\n")
  const others = BigInt(held.events) - BigInt(free.events)
  lines.push(`${plural(held.events, "event")} held by it until now`)
  if (others > 0n) lines.push(`  ${grouped(others)} of them held by other cases still`)
  lines.push(
    free.events === "0"
      ? "nothing may go that could not go before"
      : `${plural(free.events, "event")} may go when retention says so`,
    ...organizations(free),
  )
  return lines.join("\n")
}

const isPast = ({ expires_at: expires, released_at: at }: Hold): boolean =>
  expires !== null && at !== null && expires <= at

export function describeHold({ case_id: name, holds, held }: ShownHold): string {
  const inForce = holds.filter(({ state }) => state === "in force").length
  const total = held === null ? "" : `, ${plural(held.events, "event")} held`
  const lines = [`case ${visible(name)}: ${plural(inForce, "hold")} in force${total}`]
  for (const hold of holds) {
    lines.push(
      "",
      line(`hold ${hold.act}`, namesOf(hold)),
      line("state", stateOf(hold)),
      line("placed", by(hold.placed_at, hold.placed_by, hold.act)),
      line("reason", visible(hold.reason ?? "")),
    )
    if (hold.requested_by !== null) lines.push(line("requested by", visible(hold.requested_by)))
    if (hold.released_act !== null) {
      lines.push(
        line("released", by(hold.released_at, hold.released_by, hold.released_act)),
        line("reason", visible(hold.release_reason ?? "")),
      )
    }
    if (hold.held === null || hold.state !== "in force") continue
    lines.push(line("held", plural(hold.held.events, "event")))
    const wide = Math.max(...hold.held.months.map(({ organization_id: name }) => visible(name).length), 0)
    for (const { organization_id: organization, month, events } of hold.held.months) {
      lines.push(line("", `  ${visible(organization).padEnd(wide)}  ${month}  ${grouped(events)}`))
    }
  }
  return lines.join("\n")
}

function stateOf({ state, expires_at: expires }: Hold): string {
  if (state === "expired") return `expired at ${expires}: it holds nothing`
  return state === "in force" && expires !== null ? `in force, expires at ${expires}` : state
}

const by = (at: string | null, who: string | null, act: string): string =>
  `${at ?? "at a time that is not known"} by ${visible(who ?? "somebody unknown")}, act ${act}`

const organizations = ({ organizations }: HeldCount): string[] => {
  const wide = Math.max(...organizations.map(({ organization_id: name }) => visible(name).length), 0)
  return organizations.map(
    ({ organization_id: name, events }) => `  ${visible(name).padEnd(wide)}  ${grouped(events)}`,
  )
}

const width = 14
const line = (name: string, value: string): string => `${name.padEnd(width)}${value}`.trimEnd()
