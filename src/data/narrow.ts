// Which columns of a table give way where a line is wider than the terminal: what can be looked up with the rest goes last.

/** Of what a line is made of: a text may be cut, a time to its second, and a place, an id or a number when nothing else is left to cut. */
export type Content = "text" | "time" | "name" | "whole"

const second = "2026-01-01T00:00:00…".length
/** The least that each is cut to, stage by stage: the next begins where the one before was not enough. */
const stages: readonly Readonly<Record<Content, number>>[] = [
  { text: 8, time: Infinity, name: Infinity, whole: Infinity },
  { text: 8, time: second, name: Infinity, whole: Infinity },
  { text: 4, time: second, name: Infinity, whole: Infinity },
  { text: 4, time: 8, name: 8, whole: Infinity },
]

const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/
/** A place (ORG/LANE/SEQ), a UUID, the id of a finding, a number. */
const isName = /\/\d+\/\d+$|^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$|^[0-9a-f]{16}$|^-?[\d,.]+$/

export function contentOf(cells: readonly string[]): Content {
  const written = cells.filter((cell) => cell !== "")
  if (written.length === 0) return "text"
  if (written.every((cell) => isTime.test(cell))) return "time"
  return written.every((cell) => isName.test(cell)) ? "name" : "text"
}

/** Takes from the widest column that may give way until the line fits, or nothing is left to take. */
export function narrow(
  widths: readonly number[],
  contents: readonly (Content | undefined)[],
  most: number,
): number[] {
  const fitted = [...widths]
  let excess = widths.reduce((sum, width) => sum + width, 0) - most
  for (const least of stages) {
    while (excess > 0) {
      const free = fitted.map((width, at) => (width > least[contents[at] ?? "text"] ? width : 0))
      const widest = Math.max(...free)
      if (widest === 0) break
      fitted[free.indexOf(widest)] = widest - 1
      excess -= 1
    }
  }
  return fitted
}
