// Reads the rows of an exported file back, with their lines: the values of PostgreSQL that each event is hashed over.
import { isUtf8 } from "node:buffer"
import type { TextRow } from "../canonical.js"
import { type EventColumn, isEventColumn } from "../event-columns.js"
import { kindOf } from "../query/columns.js"
import { inPostgres } from "../verification/file-forms.js"
import { members } from "../verification/json-members.js"
import { fieldsOf } from "./csv.js"
import type { Manifest } from "./manifest.js"
import { schema } from "./text-row.js"
import { xmlClosing, xmlOpening } from "./xml.js"

export interface FileForm {
  /** Whether line feeds may stand in values. */
  readonly cut: "csv" | "lines"
  /** Lines that must stand before the rows, and behind them. */
  readonly opening: readonly string[]
  readonly closing: readonly string[]
  /** Undefined where the bytes are no row of such a file. */
  row(bytes: Buffer): TextRow | undefined
}

export function fileForm({ format, excel, columns }: Manifest): FileForm {
  const known = columns.filter(isEventColumn)
  const reader = { csv: csvRow, ndjson: jsonRow, xml: xmlRow }[format](columns, known)
  const row = (bytes: Buffer): TextRow | undefined =>
    isUtf8(bytes) ? reader(bytes.toString("utf8")) : undefined
  if (format === "csv") {
    const opening = excel ? `\ufeff${columns.join(",")}\r` : columns.join(",")
    return { cut: "csv", opening: [opening], closing: [], row }
  }
  if (format === "ndjson") return { cut: "lines", opening: [], closing: [], row }
  const lines = (text: string): string[] => text.trimEnd().split("\n")
  return { cut: "lines", opening: lines(xmlOpening(schema, columns)), closing: lines(xmlClosing), row }
}

type Read = (text: string) => TextRow | undefined

function csvRow(columns: readonly string[]): Read {
  return (text) => {
    const fields = fieldsOf(text)
    if (fields?.length !== columns.length) return undefined
    const row: Record<string, string | null> = {}
    for (const [at, column] of columns.entries()) row[column] = fields[at] ?? null
    return row
  }
}

function jsonRow(columns: readonly string[], known: readonly EventColumn[]): Read {
  return (text) => {
    const found = members(text)
    if (found === undefined) return undefined
    // A member that is there twice would be one thing to us and another to the next reader.
    const again = columns.flatMap((column) => {
      const member = found.get(column)
      return member === undefined ? [] : [`"${column}":${member.raw}`]
    })
    if (`{${again.join(",")}}` !== text) return undefined
    const row: Record<string, string | null> = {}
    for (const column of known) {
      const member = found.get(column)
      const isJson = kindOf(column) === "json"
      // No member is no document; its `null` is one.
      if (member === undefined ? !isJson : !isWritten(column, member.raw)) return undefined
      const isNull = member === undefined || (member.raw === "null" && !isJson)
      row[column] = isNull ? null : inPostgres(column, member)
    }
    return row
  }
}

/** Everything but documents, arrays and null is text. */
const isWritten = (column: EventColumn, raw: string): boolean =>
  raw === "null" ||
  raw.startsWith('"') ||
  kindOf(column) === "json" ||
  (kindOf(column) === "array" && Array.isArray(JSON.parse(raw)))

const element = /<([a-z_]+)( encoding="json")?>([^<>]*)<\/\1>/y
const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"' }

function xmlRow(_: readonly string[], known: readonly EventColumn[]): Read {
  return (line) => {
    if (!line.startsWith("<event>") || !line.endsWith("</event>")) return undefined
    const row: Record<string, string | null> = {}
    const end = line.length - "</event>".length
    for (element.lastIndex = "<event>".length; element.lastIndex < end; ) {
      const [, name = "", encoded, content = ""] = element.exec(line) ?? []
      const column = known.find((one) => one === name)
      if (column === undefined || column in row) return undefined
      const plain = content.replace(/&(?:#(\d+);|(\w+);)?/g, (whole, code?: string, word = "") => {
        const text = code === undefined ? entities[word] : String.fromCodePoint(Number.parseInt(code, 10))
        // Another reader would stop here, or see something else.
        if (text === undefined) throw new RangeError(`${whole} is no character that an export writes`)
        return text
      })
      const text: unknown = encoded === undefined ? plain : JSON.parse(plain)
      // 4.04e2 would hash like 404, and says something else to another reader.
      if (typeof text !== "string") return undefined
      row[column] = inPostgres(column, { raw: text, text })
    }
    return row
  }
}
