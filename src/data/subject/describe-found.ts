// What was found of a subject in words, for people. No value of an event is in it.
import { grouped, plural, visible } from "../words.js"
import type { FoundSubject } from "./find.js"
import { countFound, type FieldGroup, type Found, type FoundCount, type FoundEvents } from "./found.js"

/** `verb`: "would be replaced" where nothing is done yet. */
export function describeFoundSubject({ found, archives, limits, pseudonyms }: FoundSubject): string {
  const isAny = found.events.length > 0
  return [
    isAny ? headline(found) : "no event in the log has to do with the subject",
    ...(pseudonyms === "0"
      ? []
      : [
          `the log has the subject under ${plural(pseudonyms, "pseudonym")}, which ${pseudonyms === "1" ? "was" : "were"} looked for too`,
        ]),
    ...(isAny ? ["", ...tableOf(found.events), ...detailsOf(found)] : []),
    ...archives.flatMap(({ archive, location, searched, why, until, stays, found: inside }) => [
      "",
      `archive ${visible(archive)} in ${visible(location)}${keptWords(until)}`,
      ...(searched ? [`  ${headline(inside)}`, ...detailsOf(inside).map((line) => `  ${line}`)] : []),
      ...(why === null ? [] : [`  ${visible(why)}`]),
      ...(stays === null ? [] : [`  ${staysWords(stays)}`]),
    ]),
    ...(limits.length === 0 ? [] : ["", ...limits.map((limit) => `note: ${visible(limit)}`)]),
  ].join("\n")
}

const staysWords = (stays: string): string =>
  `cannot be erased there: its files, or their bytes, would stay: ${visible(stays)}`

/** What a table of events does not say. Undefined where there is nothing. */
export function limitWords({ archives, limits }: FoundSubject): string | undefined {
  const words = [
    // One that was not searched is among the limits.
    ...archives.flatMap(({ archive, searched, why, stays }) =>
      [
        ...(why === null || !searched ? [] : [visible(why)]),
        ...(stays === null ? [] : [staysWords(stays)]),
      ].map((words) => `archive ${visible(archive)}: ${words}`),
    ),
    ...limits.map(visible),
  ]
  return words.length === 0 ? undefined : words.join("\n")
}

/** Where the subject stands though no query shows anything of him. Undefined: nowhere. */
export function elsewhereWords({ found, archives }: FoundSubject): string | undefined {
  const inside = archives.filter((archive) => archive.found.events.length > 0)
  const unread = archives.filter(({ searched }) => !searched)
  const named = (some: FoundSubject["archives"]): string =>
    `${plural(some.length, "archive")} (${some.map(({ archive }) => visible(archive)).join(", ")})`
  const words = [
    ...(found.events.length === 0
      ? []
      : [
          `the person has ${plural(countFound(found, "events"), "event")} in the log, hidden already or in detached partitions`,
        ]),
    ...(inside.length === 0 ? [] : [`the person has events in ${named(inside)}: restored they are hidden`]),
    ...(unread.length === 0 ? [] : [`${named(unread)} could not be searched`]),
  ]
  return words.length === 0 ? undefined : words.join("; ")
}

export const keptWords = (until: string | null): string =>
  until === null ? "" : until === "infinity" ? ", kept for ever" : `, kept until ${until}`

function headline(found: Found): string {
  const organizations = new Set(found.events.map(({ organization_id }) => organization_id)).size
  const count = (name: FoundCount): string => countFound(found, name)
  return (
    `${plural(count("events"), "event")} in ${plural(organizations, "organization")}: ${grouped(count("as_actor"))} as actor, ` +
    `${grouped(count("as_subject"))} as what they are about, ${grouped(count("mentioned"))} with an identifier in them; ` +
    `values of ${grouped(count("replaced"))} can be replaced`
  )
}

const columns = [
  "events",
  "as_actor",
  "as_subject",
  "mentioned",
  "replaced",
  "held",
  "kept",
  "unsound",
] as const
const titles = ["events", "actor", "about", "named", "replaced", "held", "by law", "unsound"]
/** More would hide what stands below; JSON has all. */
const most = 40

function tableOf(events: readonly FoundEvents[]): string[] {
  const head = ["organization", "month", "type", ...titles]
  const rows = events
    .slice(0, most)
    .map((row) => [
      visible(row.organization_id),
      row.month,
      visible(row.event_type),
      ...columns.map((name) => grouped(row[name])),
    ])
  const widths = head.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at]?.length ?? 0)))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, at) => (at < 3 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join("  ")
      .trimEnd()
  const left = events.length - rows.length
  return [
    line(head),
    ...rows.map(line),
    ...(left > 0 ? [`and ${plural(left, "other row")}: --json has all`] : []),
  ]
}

function detailsOf(found: Found): string[] {
  const line = (group: FieldGroup, words: string): string[] => {
    const fields = new Map<string, bigint>()
    for (const { field, events } of found.fields.filter((one) => one.group === group)) {
      fields.set(field, (fields.get(field) ?? 0n) + BigInt(events))
    }
    return fields.size === 0
      ? []
      : [`${words}: ${[...fields].map(([field, events]) => `${field} ${grouped(events)}`).join(", ")}`]
  }
  const held = countFound(found, "held")
  const unsound = countFound(found, "unsound")
  return [
    ...line("identity", "who did it"),
    ...line("content", "what was done"),
    ...line("frame", "cannot be erased"),
    ...found.laws.map(
      ({ law, events }) => `kept by law (${visible(law)}): ${plural(events, "event")}, which get a token`,
    ),
    ...(held === "0" ? [] : [`held: ${plural(held, "event")}${casesWords(found)}`]),
    ...(unsound === "0"
      ? []
      : [`not as appended, which is evidence: ${plural(unsound, "event")}; pgtrail verify tells which`]),
  ]
}

export const casesWords = ({ cases }: Pick<Found, "cases">): string =>
  cases.length === 0
    ? ""
    : `, by the case${cases.length === 1 ? "" : "s"} ${cases.map(({ case_id }) => visible(case_id)).join(", ")}`
