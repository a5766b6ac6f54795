// The table for people: fits a terminal, is never cut in a pipe, and shows control characters instead of obeying them.
// Laid out by hand: cli-table3 cuts a wide text character by character, measuring the rest each time: an hour for a megabyte.
import { type Content, contentOf, narrow } from "../../data/narrow.js"
import { visible } from "../../data/words.js"
import type { Cell, Column, Row } from "../report.js"
import type { RenderOptions } from "./index.js"
import { cutTo, learnWidths, widthOf, worthShowing } from "./width.js"

/** Rows that are laid out together: memory stays flat, and widths seldom change after the first. */
const windowSize = 500
const windowCharacters = 1_000_000
const gap = "  "
/** In a pipe one longer cell stands out of its column; it does not pad all the others to a megabyte. */
const widest = 200

export async function table(
  columns: readonly Column[],
  rows: AsyncIterable<Row>,
  { columns: terminal, style, output, hasHeading = true }: RenderOptions,
): Promise<void> {
  const titles = columns.map(({ name, title }) => title ?? name)
  const isRight = columns.map(
    ({ align, kind }) => (align ?? (kind === "number" ? "right" : "left")) === "right",
  )
  const most = terminal ?? widest
  await learnWidths(titles)
  let widths = titles.map((title) => widthOf(title, most))
  /** Told from the first rows, so that columns do not move later. */
  let contents: readonly Content[] | undefined
  let isFirst = hasHeading

  function line(
    cells: readonly string[],
    shown: readonly number[],
    written = (text: string) => text,
  ): string {
    const padded = cells.map((cell, at) => {
      const width = shown[at] ?? 0
      const text = cutTo(cell, terminal === undefined ? undefined : width)
      const space = " ".repeat(width - widthOf(text, width))
      return isRight[at] ? `${space}${written(text)}` : `${written(text)}${space}`
    })
    return `${padded.join(gap).trimEnd()}\n`
  }

  function fitted(window: readonly string[][], width: number): number[] {
    contents ??= columns.map(({ whole }, at) =>
      whole === true ? "whole" : contentOf(window.map((row) => row[at] ?? "")),
    )
    return narrow(widths, contents, width - gap.length * (columns.length - 1))
  }

  async function print(window: readonly string[][]): Promise<void> {
    await learnWidths(window.flat())
    widths = widths.map((width, at) =>
      window.reduce((longest, row) => Math.max(longest, widthOf(row[at] ?? "", most)), width),
    )
    const shown = terminal === undefined ? widths : fitted(window, terminal)
    if (isFirst) await output.put(line(titles, shown, style.bold))
    isFirst = false
    for (const row of window) {
      const wait = output.put(line(row, shown))
      if (wait !== undefined) await wait
    }
  }

  let window: string[][] = []
  let characters = 0
  for await (const row of rows) {
    const cells = columns.map(({ name }) => display(row[name] ?? null, terminal))
    window.push(cells)
    for (const cell of cells) characters += cell.length
    if (window.length === windowSize || characters > windowCharacters) {
      await print(window)
      window = []
      characters = 0
    }
  }
  if ((isFirst || window.length > 0) && columns.length > 0) await print(window)
}

function display(cell: Cell, terminal: number | undefined): string {
  return cell === null ? "" : visible(worthShowing(String(cell), terminal))
}
