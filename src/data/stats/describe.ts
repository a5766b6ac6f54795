// Statistics as text for people, with bars where there is a terminal.
import { grouped, plural, visible } from "../words.js"
import type { Grouped, Source, Stats } from "./options.js"

/** Characters of a value that are shown; JSON has the whole. */
const longest = 48
/** A bar shorter than this says nothing. */
const shortest = 10

/** `columns`: of the terminal; undefined where there is none, and no bars. */
export function describeStats(stats: Stats, columns?: number): string {
  const { total_events: events, failed_operations: failed } = stats
  const total = [
    ["events", grouped(events)],
    ["failed", `${grouped(failed)}${share(failed, events)}`],
    ["users", grouped(stats.unique_users)],
    ["data", `${grouped(stats.data_size_bytes)} bytes`],
  ] as const
  const types = Object.entries(stats.events_by_type)
  const tables =
    stats.grouped.length > 0
      ? stats.grouped.map((one) => describeGroups(one, columns))
      : [typesOnly(types, columns)]
  return [
    total.map(([name, value]) => `${name.padEnd(8)}${value}`).join("\n"),
    ...tables.filter((text) => text !== ""),
  ].join("\n\n")
}

/** One decimal, without passing through a floating number that could say 100.0 % of what is not all. */
function share(part: string, whole: string): string {
  if (whole === "0" || part === "0") return ""
  const permille = (BigInt(part) * 1000n) / BigInt(whole)
  return ` (${permille / 10n}.${permille % 10n} %)`
}

const mostTypes = 10

function typesOnly(types: readonly (readonly [string, string])[], columns: number | undefined): string {
  const shown = types
    .slice(0, mostTypes)
    .map(([type, events]) => [cut(type), grouped(events), events] as const)
  const left = types.slice(mostTypes)
  const rest = left.reduce((sum, [, events]) => sum + BigInt(events), 0n)
  const rows =
    left.length === 0 ? shown : [...shown, [others(left.length), grouped(rest), String(rest)] as const]
  return layout(["type", "events"], rows, columns)
}

function describeGroups({ by, groups, rest }: Grouped, columns: number | undefined): string {
  const isTime = by === "day" || by === "hour"
  const line = (name: string, counts: (typeof groups)[number] | NonNullable<typeof rest>) =>
    [
      name,
      grouped(counts.events),
      grouped(counts.failed),
      grouped(counts.data_size_bytes),
      counts.events,
    ] as const
  const rows = groups.map((group) => line(group.value === null ? "(none)" : cut(group.value), group))
  const left =
    rest === null ? [] : [line(isTime ? `${grouped(rest.values)} before` : others(rest.values), rest)]
  return layout([by, "events", "failed", "bytes"], isTime ? [...left, ...rows] : [...rows, ...left], columns)
}

const others = (count: number | string): string => plural(count, "other")

function cut(value: string): string {
  const characters = [...visible(value)]
  return characters.length <= longest ? characters.join("") : `${characters.slice(0, longest - 1).join("")}…`
}

/** Of each row the last cell is what its bar is drawn from. */
function layout(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
  columns: number | undefined,
): string {
  if (rows.length === 0) return ""
  const cells = [titles, ...rows.map((row) => row.slice(0, -1))]
  const widths = titles.map((_, at) =>
    cells.reduce((most, row) => Math.max(most, [...(row[at] ?? "")].length), 0),
  )
  const used = widths.reduce((sum, width) => sum + width + 2, 0)
  const room = Math.min(40, (columns ?? 0) - used)
  const most = rows.reduce(
    (max, row) => (BigInt(row.at(-1) ?? "0") > max ? BigInt(row.at(-1) ?? "0") : max),
    1n,
  )
  return cells
    .map((row, at) => {
      const text = row.map((cell, index) => {
        const space = " ".repeat((widths[index] ?? 0) - [...cell].length)
        return index === 0 ? cell + space : space + cell
      })
      const amount = at === 0 ? undefined : rows[at - 1]?.at(-1)
      const bar = amount === undefined || room < shortest ? "" : draw(BigInt(amount), most, room)
      return `${text.join("  ")}  ${bar}`.trimEnd()
    })
    .join("\n")
}

const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]

function draw(amount: bigint, most: bigint, room: number): string {
  const parts = Number((amount * BigInt(room * 8)) / most)
  return "█".repeat(parts >> 3) + (eighths[parts & 7] ?? "")
}

/** What answered, in one line. */
export function describeSource(source: Source): string {
  if (source.counted === "events") {
    return `counted from the events: ${source.why}${source.hint === null ? "" : `: ${source.hint}`}`
  }
  const { since, days, parts } = source
  const further = [
    ...(since === "0" ? [] : [`${plural(since, "event")} since`]),
    ...(days === "0" ? [] : [`the events of ${plural(days, "day")} to be counted again`]),
    ...(parts === "0" ? [] : [`the events of ${plural(parts, "day")} in part`]),
  ]
  return ["from the summaries", ...further].join(", and ")
}
