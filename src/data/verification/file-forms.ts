// The three forms in which a file may hold events: COPY text, a plain pg_dump, and NDJSON as `pgtrail query` prints it.
import { TrailError } from "../errors.js"
import { type EventColumn, eventColumns, eventTypes, isEventColumn } from "../event-columns.js"
import { members } from "./json-members.js"
import type { EventPlace } from "./rows.js"

export type Row = Record<string, string | null>

/** Takes a line; gives the event that it holds, where that is wanted. */
export interface Form {
  line(text: string): Row | undefined
  /** Throws where the file had no events in this form. */
  end(): void
}

export type IsWanted = (place: EventPlace) => boolean

const forms = "COPY text of `select * from pgtrail.event`, a plain pg_dump, or NDJSON of pgtrail query"
const needed = ["organization_id", "lane", "seq", "previous_hash", "hash", "identity_salt"]

function unreadable(message: string, hint: string): TrailError {
  return new TrailError("file", message, { hint })
}

/** By the first line that is not empty. */
export function formOf(first: string, isWanted: IsWanted): Form {
  if (first.startsWith("PGDMP")) {
    throw unreadable(
      "it is a pg_dump in the custom format",
      "pg_restore --file=dump.sql DUMP, and name that file",
    )
  }
  if (first.startsWith("{")) return ndjson(isWanted)
  if (/^(--|SET |COPY |\\restrict|BEGIN|CREATE |SELECT )/.test(first)) return dump(isWanted)
  if (first.split("\t").length === eventColumns.length) return copyText(isWanted)
  throw unreadable("it holds no events in a form that can be read", `use ${forms}`)
}

function copyText(isWanted: IsWanted): Form {
  const read = copyReader(eventColumns, isWanted)
  return {
    line: (text) => (text === "\\." || text === eventColumns.join("\t") ? undefined : read(text)),
    end: () => undefined,
  }
}

/** COPY blocks of whatever table has the columns of an event; everything else is passed over. */
function dump(isWanted: IsWanted): Form {
  let read: ((text: string) => Row | undefined) | undefined
  let isOther = false
  let blocks = 0
  return {
    line(text) {
      if (read !== undefined || isOther) {
        if (text === "\\.") {
          read = undefined
          isOther = false
          return undefined
        }
        return read?.(text)
      }
      const columns = /^COPY .+ \(([^()]+)\) FROM stdin;$/.exec(text)?.[1]
      if (columns !== undefined) {
        const names = columns.split(", ").map((name) => name.replace(/^"(.*)"$/, "$1"))
        isOther = !needed.every((name) => names.includes(name))
        if (!isOther) {
          blocks += 1
          read = copyReader(names, isWanted)
        }
      } else if (/^SET client_encoding = '(?!UTF-?8')/i.test(text)) {
        throw unreadable("it is not in UTF-8, so its hashes cannot be computed", "pg_dump --encoding=UTF8")
      }
      return undefined
    },
    end() {
      if (blocks > 0) return
      throw unreadable(
        "it has no COPY block of events",
        "dump the schema pgtrail with its data, without --inserts",
      )
    },
  }
}

const escapes: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" }

const unescaped = (field: string): string | null =>
  field === "\\N"
    ? null
    : field.includes("\\")
      ? field.replace(/\\(.)/gs, (_, character: string) => escapes[character] ?? character)
      : field

function copyReader(columns: readonly string[], isWanted: IsWanted): (text: string) => Row | undefined {
  const at = (column: EventColumn) => columns.indexOf(column)
  const [organization, lane, seq] = [at("organization_id"), at("lane"), at("seq")]
  return (text) => {
    const fields = text.split("\t")
    const place = {
      organization_id: unescaped(fields[organization] ?? "") ?? "",
      lane: fields[lane] ?? "",
      seq: fields[seq] ?? "",
    }
    if (fields.length !== columns.length || !isWanted(place)) return undefined
    const row: Row = {}
    for (const [index, column] of columns.entries())
      if (isEventColumn(column)) row[column] = unescaped(fields[index] ?? "\\N")
    return row
  }
}

function ndjson(isWanted: IsWanted): Form {
  let isFirst = true
  return {
    line(text) {
      const found = members(text)
      if (found === undefined) return undefined
      const value = (column: string): string => found.get(column)?.text ?? ""
      if (isFirst) {
        const missing = eventColumns.find((column) => !found.has(column))
        if (missing !== undefined) {
          throw unreadable(
            `its events have no ${missing}: an event is hashed over all of its columns`,
            "pgtrail query --limit all --format ndjson, without --fields",
          )
        }
        isFirst = false
      }
      const place = { organization_id: value("organization_id"), lane: value("lane"), seq: value("seq") }
      if (!isWanted(place)) return undefined
      const row: Row = {}
      for (const column of eventColumns) {
        const member = found.get(column)
        row[column] = member === undefined || member.raw === "null" ? null : inPostgres(column, member)
      }
      return row
    },
    end: () => undefined,
  }
}

/** From the forms of `pgtrail query` and of exports back to PostgreSQL's own. */
export function inPostgres(column: EventColumn, { raw, text }: { raw: string; text: string }): string {
  switch (eventTypes[column]) {
    case "jsonb":
      return raw
    case "bytea":
      return text.startsWith("\\x") ? text : `\\x${text}`
    case "text[]":
      // One whose bounds JSON cannot tell is a text.
      if (raw.startsWith('"')) return String(JSON.parse(raw))
      return raw.replace(/"[^"\\]*(?:\\.[^"\\]*)*"|null|\[|\]|\s+/g, (token) => {
        if (token === "[") return "{"
        if (token === "]") return "}"
        if (token === "null") return "NULL"
        return token.startsWith('"') ? `"${String(JSON.parse(token)).replace(/["\\]/g, "\\$&")}"` : ""
      })
    default:
      return text
  }
}
