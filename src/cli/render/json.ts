// JSON and NDJSON, written piece by piece: cells of kind "json" are copied as Postgres wrote them, but for what a terminal obeys.
import { visibleJson } from "../../data/words.js"
import type { Output } from "../output.js"
import { type Cell, type Column, RawJson, type Report, type Row } from "../report.js"

type Rows = AsyncIterable<Row>

export async function lines(columns: readonly Column[], rows: Rows, output: Output): Promise<void> {
  const write = rowWriter(columns)
  for await (const row of rows) {
    const wait = output.put(`${write(row)}\n`)
    if (wait !== undefined) await wait
  }
}

export async function envelope(
  report: Report,
  columns: readonly Column[],
  rows: Rows,
  output: Output,
): Promise<void> {
  const write = rowWriter(columns)
  let separator = "\n"
  await output.put(`{"schema":${JSON.stringify(report.schema)},"rows":[`)
  for await (const row of rows) {
    const wait = output.put(`${separator}${write(row)}`)
    separator = ",\n"
    if (wait !== undefined) await wait
  }
  // Asked for only now: the cursor is known when the last row has passed.
  const next = typeof report.next === "function" ? report.next() : (report.next ?? null)
  const further = Object.entries(report.further?.() ?? {}).map(
    ([name, value]) => `,${JSON.stringify(name)}:${JSON.stringify(value)}`,
  )
  const closing = `],"next":${JSON.stringify(next)}${further.join("")}}\n`
  await output.put(`${separator === "\n" ? "" : "\n"}${visibleJson(closing)}`)
}

export async function document(value: object, output: Output): Promise<void> {
  await output.put(visibleJson(`${stringify(value, "")}\n`))
}

function rowWriter(columns: readonly Column[]): (row: Row) => string {
  const parts = columns.map(({ name, kind }, at) => {
    const key = `${at === 0 ? "" : ","}${JSON.stringify(name)}:`
    return (row: Row): string => `${key}${cell(row[name] ?? null, kind === "json")}`
  })
  return (row) => {
    let text = "{"
    for (const part of parts) text += part(row)
    return visibleJson(`${text}}`)
  }
}

function cell(value: Cell, isJson: boolean): string {
  return isJson && typeof value === "string" ? verbatim(value) : JSON.stringify(value)
}

/** Inside strings JSON has no raw line ends, so these are white space; a row must stay on its line. */
function verbatim(text: string): string {
  return /[\r\n]/.test(text) ? text.replace(/[\r\n]/g, " ") : text
}

/** JSON.stringify with two spaces, but RawJson is copied; JSON.rawJSON needs a later Node. */
function stringify(value: unknown, indent: string): string {
  if (value instanceof RawJson) return verbatim(value.text)
  if (typeof value === "bigint") return JSON.stringify(String(value))
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null"
  const inner = `${indent}  `
  const list = Array.isArray(value)
  const parts = list
    ? value.map((item: unknown) => stringify(item, inner))
    : Object.entries(value)
        .filter(([, item]) => item !== undefined)
        .map(([key, item]) => `${JSON.stringify(key)}: ${stringify(item, inner)}`)
  if (parts.length === 0) return list ? "[]" : "{}"
  const body = parts.join(`,\n${inner}`)
  return list ? `[\n${inner}${body}\n${indent}]` : `{\n${inner}${body}\n${indent}}`
}
