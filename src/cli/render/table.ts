// The table for people: fits a terminal, is never cut in a pipe, and shows control characters instead of obeying them.
import CliTable from "cli-table3"
import stringWidth from "string-width"
import { visible } from "../redact.js"
import type { Cell, Column, Row } from "../report.js"
import type { RenderOptions } from "./index.js"

/** Rows that are laid out together: memory stays flat, and widths seldom change after the first. */
const windowSize = 500
const gap = 2
/** No column is cut below this while another can still give way. */
const narrowest = 8

const empty = ""
const chars = {
  top: empty,
  "top-mid": empty,
  "top-left": empty,
  "top-right": empty,
  bottom: empty,
  "bottom-mid": empty,
  "bottom-left": empty,
  "bottom-right": empty,
  left: empty,
  "left-mid": empty,
  mid: empty,
  "mid-mid": empty,
  right: empty,
  "right-mid": empty,
  middle: " ".repeat(gap),
}

export async function table(
  columns: readonly Column[],
  rows: AsyncIterable<Row>,
  { columns: terminal, style, output }: RenderOptions,
): Promise<void> {
  const titles = columns.map(({ name, title }) => title ?? name)
  let widths = titles.map((title) => stringWidth(title))
  let isFirst = true

  async function print(window: readonly string[][]): Promise<void> {
    widths = widths.map((width, at) =>
      window.reduce((most, row) => Math.max(most, stringWidth(row[at] ?? "")), width),
    )
    const shown = terminal === undefined ? widths : narrow(widths, terminal)
    const layout = new CliTable({
      chars,
      // Its own colours ignore NO_COLOR and pipes.
      style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
      colWidths: shown,
      colAligns: columns.map(alignment),
    })
    if (isFirst) layout.push(titles.map((title) => style.bold(title)))
    layout.push(...window)
    isFirst = false
    const wait = output.put(`${layout.toString().replace(/ +$/gm, "")}\n`)
    if (wait !== undefined) await wait
  }

  let window: string[][] = []
  for await (const row of rows) {
    window.push(columns.map(({ name }) => display(row[name] ?? null)))
    if (window.length === windowSize) {
      await print(window)
      window = []
    }
  }
  if ((isFirst || window.length > 0) && columns.length > 0) await print(window)
}

function display(cell: Cell): string {
  return cell === null ? "" : visible(String(cell))
}

function alignment({ align, kind }: Column): "left" | "right" {
  return align ?? (kind === "number" ? "right" : "left")
}

/** Takes from the widest column until the line fits, or nothing is left to take. */
function narrow(widths: readonly number[], terminal: number): number[] {
  const fitted = [...widths]
  let excess = widths.reduce((sum, width) => sum + width + gap, -gap) - terminal
  while (excess > 0) {
    const widest = Math.max(...fitted)
    if (widest <= narrowest) break
    const next = Math.max(narrowest, ...fitted.filter((width) => width < widest))
    const at = fitted.indexOf(widest)
    const take = Math.min(excess, Math.max(1, widest - next))
    fitted[at] = widest - take
    excess -= take
  }
  return fitted
}
