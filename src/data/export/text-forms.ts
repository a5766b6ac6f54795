// Whether values have the one form in which the server writes them. What computes hashes reads more leniently: "404x" would be a 404.
import { isIP } from "node:net"
import type { SqlType } from "../binary.js"
import type { TextRow } from "../canonical.js"
import { type EventColumn, eventColumns, eventTypes } from "../event-columns.js"

const number = /^(?:0|-?[1-9]\d{0,18})$/
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const bytes = /^\\x(?:[0-9a-f]{2})*$/
const time = /^(\d{4,6})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.\d{6}Z( BC)?$/

const forms: Partial<Record<SqlType, (text: string) => boolean>> = {
  smallint: (text) => number.test(text),
  int: (text) => number.test(text),
  bigint: (text) => number.test(text),
  uuid: (text) => uuid.test(text),
  bytea: (text) => bytes.test(text),
  inet: isAddress,
  timestamptz: isTime,
}

const checked: readonly (readonly [EventColumn, (text: string) => boolean])[] = eventColumns.flatMap(
  (column) => {
    const test = forms[eventTypes[column]]
    return test === undefined ? [] : [[column, test] as const]
  },
)

/** The first column whose value no server wrote; undefined where all are as they should be. */
export function oddColumn(row: TextRow): EventColumn | undefined {
  return checked.find(([column, test]) => {
    const value = row[column]
    return value != null && !test(value)
  })?.[0]
}

function isAddress(text: string): boolean {
  const [, address = "", bits] = /^([0-9a-f:.]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const version = isIP(address)
  return version !== 0 && (bits === undefined || Number.parseInt(bits, 10) <= (version === 4 ? 32 : 128))
}

function isTime(text: string): boolean {
  if (text === "infinity" || text === "-infinity") return true
  const [, year = "", month = "", day = "", hour = "", minute = "", second = "", era] = time.exec(text) ?? []
  const n = (part: string) => Number.parseInt(part, 10)
  // A year before the first is leap as its astronomical number says: 1 BC is 0.
  const astronomical = era === undefined ? n(year) : 1 - n(year)
  return (
    n(year) > 0 &&
    n(month) >= 1 &&
    n(month) <= 12 &&
    n(day) >= 1 &&
    n(day) <= daysOf(astronomical, n(month)) &&
    n(hour) < 24 &&
    n(minute) < 60 &&
    n(second) < 60
  )
}

function daysOf(year: number, month: number): number {
  if (month !== 2) return [4, 6, 9, 11].includes(month) ? 30 : 31
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
}
