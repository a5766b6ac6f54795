// One line a row, for people who watch: the columns in a row, what stands last cut to the terminal, coloured by severity.

import { visible } from "../../data/words.js"
import type { Style } from "../color.js"
import type { Cell, Column, Row } from "../report.js"
import type { RenderOptions } from "./index.js"
import { cutTo, learnWidths, worthShowing } from "./width.js"

/** As long as "critical": the types then stand below one another. */
const severityWidth = 8

export async function short(
  columns: readonly Column[],
  rows: AsyncIterable<Row>,
  { columns: terminal, style, output }: RenderOptions,
): Promise<void> {
  const names = columns.map(({ name }) => name)
  const last = names.length - 1
  for await (const row of rows) {
    const cells = names.map((name, at) => {
      const cell = row[name] ?? null
      const text = cell === null ? null : visible(worthShowing(String(cell), terminal))
      if (at === last) return text ?? ""
      return name === "severity" ? word(text).padEnd(severityWidth) : word(text)
    })
    const line = cells.join(" ").trimEnd()
    if (terminal !== undefined) await learnWidths([line])
    const wait = output.put(`${colour(style, row.severity)(cutTo(line, terminal))}\n`)
    if (wait !== undefined) await wait
  }
}

/** One word: an actor called "alice file/1 success" must not look like three columns. */
function word(text: string | null): string {
  if (text === null) return "-"
  return /^-?$|[\s"]/.test(text) ? `"${text.replaceAll('"', '\\"')}"` : text
}

function colour(style: Style, severity: Cell | undefined): (text: string) => string {
  if (severity === "critical") return (text) => style.bold(style.red(text))
  if (severity === "error") return style.red
  if (severity === "warning") return style.yellow
  return severity === "debug" ? style.dim : (text) => text
}
