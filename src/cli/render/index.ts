// Prints a report in the form that was asked for; each form is loaded only when it is needed.
import { TrailError } from "../../data/errors.js"
import { near } from "../../data/near.js"
import { visibleJson, visibleLines } from "../../data/words.js"
import type { Style } from "../color.js"
import type { Format } from "../common.js"
import type { Output } from "../output.js"
import type { Column, Report, Row } from "../report.js"

export interface RenderOptions {
  readonly format: Format
  /** From --fields. */
  readonly fields: readonly string[] | undefined
  /** Width of the terminal; undefined where stdout is none, and nothing is cut. */
  readonly columns: number | undefined
  readonly isTerminal?: boolean
  readonly style: Style
  readonly output: Output
  readonly signal: AbortSignal
  /** False where rows go on that have their heading already. */
  readonly hasHeading?: boolean
}

export async function render(report: Report, options: RenderOptions): Promise<void> {
  if (report.portions !== undefined) return inPortions(report, report.portions, options)
  const { format, output } = options
  const columns = chosen(report.columns, options.fields)
  const rows = until(options.signal, report.rows)
  const whole = options.fields === undefined
  const form = report.forms?.[format]
  if (form !== undefined) {
    return output.put(printedForm(form, options))
  }
  if (format === "json" || format === "ndjson") {
    const json = await import("./json.js")
    if (whole && report.document !== undefined && (format === "json" || columns.length === 0)) {
      return json.document(report.document, output)
    }
    return format === "json"
      ? json.envelope(report, columns, rows, output)
      : json.lines(columns, rows, output)
  }
  if (format === "csv") return (await import("./csv.js")).csv(columns, rows, options)
  if (format === "xml") return (await import("./xml.js")).xml(report, columns, rows, output)
  if (format === "short") return (await import("./short.js")).short(columns, rows, options)
  if (whole && report.text !== undefined) {
    const text = visibleLines(typeof report.text === "string" ? report.text : report.text(options.columns))
    const { wrapped } = await import("./wrap.js")
    const fitting = typeof report.text === "string" ? text : await wrapped(text, options.columns)
    return output.put(fitting.endsWith("\n") ? fitting : `${fitting}\n`)
  }
  return (await import("./table.js")).table(columns, rows, options)
}

/** What follows is asked for when what was there has reached the reader. */
async function inPortions(
  { portions: _, ...report }: Report,
  portions: NonNullable<Report["portions"]>,
  options: RenderOptions,
): Promise<void> {
  if (options.format === "json" || options.format === "xml") {
    return render({ ...report, rows: flushed(portions, options.output) }, options)
  }
  let hasHeading = true
  for await (const rows of portions) {
    await render({ ...report, rows }, { ...options, hasHeading })
    await options.output.flush()
    hasHeading = false
  }
  if (hasHeading) await render({ ...report, rows: [] }, options)
}

/** As parts of one document. */
async function* flushed(portions: NonNullable<Report["portions"]>, output: Output): AsyncGenerator<Row> {
  for await (const rows of portions) {
    yield* rows
    await output.flush()
  }
}

function printedForm(form: string, { format, isTerminal }: RenderOptions): string {
  if (format === "json" || format === "ndjson") return visibleJson(form)
  return isTerminal ? visibleLines(form) : form
}

/** The columns that are printed. Throws `usage` for a field that none of them is. */
export function chosen(columns: readonly Column[], fields: readonly string[] | undefined): readonly Column[] {
  if (fields === undefined) return columns.filter((column) => column.onRequest !== true)
  return fields.map((field) => {
    const column = columns.find(({ name }) => name === field)
    if (column !== undefined) return column
    const known = columns.map(({ name }) => name)
    const [meant] = near(field, known, 1)
    const rest =
      meant === undefined ? `; there is ${known.join(", ") || "none here"}` : `, did you mean ${meant}?`
    throw new TrailError("usage", `unknown field: ${field}${rest}`)
  })
}

/** Ends the rows when a signal arrives: a command need not look for it between two rows. */
async function* until(signal: AbortSignal, rows: Report["rows"]): AsyncGenerator<Row> {
  for await (const row of rows) {
    if (signal.aborted) return
    yield row
  }
}
