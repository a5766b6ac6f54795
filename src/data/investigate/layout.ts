// Small tables inside a text for people: columns of the same width, long values cut, control characters visible.
import { grouped, visible } from "../words.js"

const longest = 60

/** A value as people see it in a line: JSON has the whole. */
export function brief(value: string | null, most = longest): string {
  const characters = [...visible(value ?? "")]
  return characters.length <= most ? characters.join("") : `${characters.slice(0, most - 1).join("")}…`
}

/** `right`: which columns stand to the right. The first row is the heading. Lines are indented by two. */
export function layout(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => [...(row[at] ?? "")].length)))
  return rows.map((row) => {
    const cells = row.map((cell, at) => {
      const room = " ".repeat((widths[at] ?? 0) - [...cell].length)
      return right.includes(at) ? room + cell : cell + room
    })
    return `  ${cells.join("  ")}`.trimEnd()
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
