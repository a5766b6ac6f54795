// CSV for spreadsheets: what a program would take for a formula is made text. That changes values, so it proves nothing.
import type { EventColumn } from "../event-columns.js"

/** Rows of a sheet, but for the one with the headings. */
export const rowsOfSheet = 1_048_575

const number = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i
// Also after blanks and marks that cannot be seen, and in the full-width forms of East Asian keyboards.
const formula = /^[\s\p{Cf}\p{Cc}]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/u

/** Every text is quoted: a program that takes another character for the separator must not begin a cell within one. */
export function excelCell(value: string | null): string {
  if (value === null) return ""
  if (number.test(value)) return value
  const safe = formula.test(value) ? `'${value}` : value
  return `"${safe.replaceAll('"', '""')}"`
}

export function excelRow(
  columns: readonly EventColumn[],
): (row: Readonly<Record<string, string | null>>) => string {
  return (row) => `${columns.map((column) => excelCell(row[column] ?? null)).join(",")}\r\n`
}
