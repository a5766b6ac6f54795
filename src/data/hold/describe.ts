// Holds in words, for people.
import { grouped, plural, visible } from "../words.js"
import type { AddedHold } from "./add.js"
import type { HeldArchives } from "./archives.js"
import type { HeldCount } from "./count.js"
import { type Hold, namesOf } from "./hold.js"
import type { ReleasedHold } from "./release.js"
import type { ShownHold } from "./show.js"

export function describeAdded({ hold, held, archives }: AddedHold): string {
  const until =
    hold.expires_at === null ? "until it is released" : `until ${hold.expires_at}, or until it is released`
  return [
    `the case ${visible(hold.case_id)} holds ${whatOf(hold)}, ${until}`,
    ...(held === null ? [] : [heldWords(held, archives), ...organizations(held)]),
    ...archivesOf(archives),
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

const heldWords = ({ events }: HeldCount, archives: HeldArchives | null): string => {
  const where = isAny(archives) ? " in the log itself" : ""
  return events === "0"
    ? `no event${where} fits now: what is appended and fits is held too`
    : `${plural(events, "event")}${where} held now; what is appended and fits is held too`
}

const isAny = (archives: HeldArchives | null): archives is HeldArchives =>
  archives !== null && archives.archives !== "0"

function archivesOf(archives: HeldArchives | null): string[] {
  if (!isAny(archives)) return []
  const they = archives.archives === "1" ? "it" : "they"
  return [
    `${plural(archives.archives, "archive")} may have events of it: ${some(archives)}; ${they} cannot be removed`,
  ]
}

/** Three of them by name: there may be hundreds. */
function some({ names }: HeldArchives): string {
  const left = names.length - 3
  const named = names.slice(0, 3).map(visible).join(", ")
  return left > 0 ? `${named} and ${plural(left, "other")}` : named
}

export function describeReleased({ case_id: name, holds, held, free, free_archives }: ReleasedHold): string {
  const lines = [
    `released ${plural(holds.length, "hold")} of the case ${visible(name)}`,
    ...holds.map(
      (hold) => `  hold ${hold.act}: ${namesOf(hold)}${isPast(hold) ? ", which had expired" : ""}`,
    ),
  ]
  const archives = isAny(free_archives)
    ? [
        `${plural(free_archives.archives, "archive")} may be removed again when past ${free_archives.archives === "1" ? "its" : "their"} keep: ${some(free_archives)}`,
      ]
    : []
  if (held === null || free === null) return [...lines, ...archives].join("\n")
  const others = BigInt(held.events) - BigInt(free.events)
  lines.push(`${plural(held.events, "event")} held by it until now`)
  if (others > 0n) lines.push(`  ${grouped(others)} of them held by other cases still`)
  if (free.events !== "0") lines.push(`${plural(free.events, "event")} may go when retention says so`)
  else if (archives.length === 0) lines.push("nothing may go that could not go before")
  lines.push(...organizations(free), ...archives)
  return lines.join("\n")
}

const isPast = ({ expires_at: expires, released_at: at }: Hold): boolean =>
  expires !== null && at !== null && expires <= at

export function describeHold({ case_id: name, holds, held, archives }: ShownHold): string {
  const inForce = holds.filter(({ state }) => state === "in force").length
  const total = held === null ? "" : `, ${plural(held.events, "event")} held`
  const kept = isAny(archives) ? `, ${plural(archives.archives, "archive")} that may have events of it` : ""
  const lines = [`case ${visible(name)}: ${plural(inForce, "hold")} in force${total}${kept}`]
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
    if (hold.state !== "in force") continue
    if (hold.held !== null) lines.push(line("held", plural(hold.held.events, "event")))
    const months = hold.held?.months ?? []
    const wide = Math.max(...months.map(({ organization_id: name }) => visible(name).length), 0)
    for (const { organization_id: organization, month, events } of months) {
      lines.push(line("", `  ${visible(organization).padEnd(wide)}  ${month}  ${grouped(events)}`))
    }
    const [may] = archivesOf(hold.archives)
    if (may !== undefined) lines.push(line("archives", may))
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
