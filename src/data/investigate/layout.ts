// Small tables inside a text for people: columns of the same width, long values cut, control characters visible.
import { contentOf, narrow } from "../narrow.js"
import { grouped, visible } from "../words.js"

const longest = 60

/** A value as people see it in a line: JSON has the whole. */
export function brief(value: string | null, most = longest): string {
  const characters = [...visible(value ?? "")]
  return characters.length <= most ? characters.join("") : `${characters.slice(0, most - 1).join("")}…`
}

const gap = "  "

/** `right`: which columns stand to the right; `width`: of the terminal. The first row is the heading. Lines are indented. */
export function layout(
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
  width: number | undefined = undefined,
): string[] {
  const [heading = [], ...body] = rows
  // No spread: a list may have a million rows.
  const whole = heading.map((_, at) =>
    rows.reduce((most, row) => Math.max(most, [...(row[at] ?? "")].length), 0),
  )
  const contents = heading.map((_, at) => contentOf(body.map((row) => row[at] ?? "")))
  const widths = width === undefined ? whole : narrow(whole, contents, width - gap.length * whole.length)
  return rows.map((row) => {
    const cells = row.map((value, at) => {
      const cell = brief(value, widths[at])
      const room = " ".repeat((widths[at] ?? 0) - [...cell].length)
      return right.includes(at) ? room + cell : cell + room
    })
    return `${gap}${cells.join(gap)}`.trimEnd()
  })
}

/** The first `most` of a list as lines, and how many more there are: `of` says of what. */
export function some<T>(
  all: readonly T[],
  most: number,
  of: string,
  lines: (shown: readonly T[]) => string[],
): string[] {
  const left = all.length - most
  return [...lines(all.slice(0, most)), ...(left > 0 ? [`  and ${grouped(left)} more ${of}, in --json`] : [])]
}
