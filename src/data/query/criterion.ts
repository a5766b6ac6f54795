// The kinds of criteria: how what was typed is checked, and the SQL that it becomes. Without drizzle, for the command line reads them.
import { isIP } from "node:net"
import { TrailError } from "../errors.js"
import type { EventColumn } from "../event-columns.js"
import { near } from "../near.js"
import { quoted } from "../words.js"
import { severities } from "./choices.js"
import { type Fragment, joined, raw, sql } from "./fragment.js"
import { escapeLike } from "./glob.js"
import { searchFor, searchTextOf, shortTags } from "./search-text.js"
import type { Source } from "./source.js"
import { columnOf, like, same } from "./text-conditions.js"
import { readPlace, readResource } from "./typed.js"

export type Condition = (source: Source) => Fragment

/** What values of one criterion mean together. Throws TrailError `usage`; `flag` stands in its message. */
export type Reader = (values: readonly string[], flag: string) => Condition

/** Text, character by character. */
export const exact =
  (column: EventColumn): Reader =>
  (values) =>
  (source) =>
    same(source, column, values)

/** `*` stands for any run of characters, `?` for one; `\` before one of them takes its meaning away. */
export const globs =
  (column: EventColumn): Reader =>
  (values) =>
  (source) =>
    like(source, column, values)

/** In the statement's text, not parameters: the partial index of critical events is used only for a value known to the planner. */
const literals = (column: Fragment, words: readonly string[]): Fragment =>
  words.length === 1
    ? sql`${column} = ${raw(`'${words[0]}'`)}`
    : sql`${column} in (${raw(words.map((word) => `'${word}'`).join(", "))})`

function word(typed: string, flag: string, choices: readonly string[]): string {
  const found = choices.find((choice) => choice === typed)
  if (found !== undefined) return found
  const [meant] = near(typed.slice(0, 100), choices, 1)
  throw new TrailError(
    "usage",
    `${flag} takes ${choices.join(", ").replace(/, ([^,]*)$/, " or $1")}, not ${quoted(typed)}`,
    meant === undefined ? {} : { hint: `did you mean ${flag} ${meant}?` },
  )
}

/** One of a closed list. */
export const words =
  (column: EventColumn, choices: readonly string[]): Reader =>
  (values, flag) => {
    const known = new Set(values.map((typed) => word(typed, flag, choices)))
    return (source) => literals(columnOf(source, column), [...known])
  }

/** `from..to`, either end open; undefined where it is no range. */
function readRange(typed: string): { from: string; to: string } | undefined {
  const [, from, to] = /^(.*?)\.\.(.*)$/s.exec(typed) ?? []
  return from === undefined || to === undefined || (from === "" && to === "") ? undefined : { from, to }
}

/** The severities that something typed means: one, or those of a range. */
export function readSeverities(typed: string, flag: string): readonly string[] {
  const known: readonly string[] = severities
  const { from, to } = readRange(typed) ?? { from: typed, to: typed }
  const place = (end: string, open: number): number =>
    end === "" && from !== to ? open : known.indexOf(word(end, flag, known))
  const first = place(from, 0)
  const last = place(to, severities.length - 1)
  if (first <= last) return severities.slice(first, last + 1)
  throw new TrailError("usage", `${flag} ${quoted(typed)} contains no severity`, {
    hint: `the order is ${severities.join(", ")}: write ${to}..${from}`,
  })
}

export const severity: Reader = (values, flag) => {
  const known = new Set(values.flatMap((typed) => readSeverities(typed, flag)))
  return (source) => literals(columnOf(source, "severity"), [...known])
}

const any = (conditions: readonly Condition[]): Condition => {
  return (source) =>
    joined(
      conditions.map((condition) => condition(source)),
      "or",
      "false",
    )
}

/** Codes: one, `500..599` with either end open, or `5xx`. */
export const codes =
  (column: EventColumn): Reader =>
  (values, flag) => {
    const code = (typed: string, whole: string): string => {
      // What `int` holds.
      if (/^-?\d{1,10}$/.test(typed) && Math.abs(Number(typed)) < 2 ** 31) return String(Number(typed))
      throw new TrailError("usage", `${flag} takes 404, 500..599 or 5xx, not ${quoted(whole)}`)
    }
    const condition = (typed: string): Condition => {
      const hundred = /^([1-9])xx$/i.exec(typed)?.[1]
      const range = hundred === undefined ? readRange(typed) : { from: `${hundred}00`, to: `${hundred}99` }
      const from = range?.from === "" ? undefined : code(range?.from ?? typed, typed)
      const to = range?.to === "" ? undefined : code(range?.to ?? typed, typed)
      if (from !== undefined && to !== undefined && Number(from) > Number(to)) {
        throw new TrailError("usage", `${flag} ${quoted(typed)} contains no code`, {
          hint: `write ${to}..${from}`,
        })
      }
      return (source) =>
        joined(
          [
            ...(from === undefined ? [] : [sql`${columnOf(source, column)} >= ${from}::int`]),
            ...(to === undefined ? [] : [sql`${columnOf(source, column)} <= ${to}::int`]),
          ],
          "and",
          "true",
        )
    }
    return any(values.map(condition))
  }

/** An address, or a network as ADDRESS/LENGTH. */
export const networks =
  (column: EventColumn): Reader =>
  (values, flag) => {
    for (const typed of values) {
      const [, address = "", length] = /^([^/]*)(?:\/(\d{1,3}))?$/s.exec(typed) ?? []
      const version = address.includes("%") ? 0 : isIP(address)
      if (version === 0 || Number(length ?? 0) > (version === 4 ? 32 : 128)) {
        throw new TrailError("usage", `${flag} takes an address or a network, not ${quoted(typed)}`, {
          hint: "write 203.0.113.7, 203.0.113.0/24, 2001:db8::1 or 2001:db8::/32",
        })
      }
    }
    return any(values.map((typed) => (source) => sql`${columnOf(source, column)} <<= ${typed}::inet`))
  }

/** Arrays that contain a value: their short forms for the index, they themselves for the answer. */
export const elements =
  (column: EventColumn): Reader =>
  (values) =>
    any(
      values.map((typed) => (source) => {
        const [whole, short] = [
          columnOf(source, column),
          raw(shortTags(`pgtrail.${source.events}.${column}`)),
        ]
        return sql`${short} @> ${[typed]}::text[]::varchar(300)[] and ${whole} @> ${[typed]}::text[]`
      }),
    )

export const resource: Reader = (values, flag) => {
  const read = values.map((typed) => readResource(typed, flag))
  return any(
    read.map(({ type, id }) => (source) => {
      const kind = same(source, "resource_type", [type])
      return id === undefined ? kind : sql`${kind} and ${same(source, "resource_id", [id])}`
    }),
  )
}

export const place: Reader = (values, flag) => {
  const read = values.map((typed) => readPlace(typed, flag))
  return any(
    read.map(({ organization, lane, seq }) => (source) => {
      const [o, l, s] = [
        columnOf(source, "organization_id"),
        columnOf(source, "lane"),
        columnOf(source, "seq"),
      ]
      return sql`${o} = ${organization} and ${l} = ${lane}::smallint and ${s} = ${seq}::bigint`
    }),
  )
}

/** A part of the event's text. */
export const text: Reader = (values) =>
  any(
    values.map((typed) => (source) => {
      const expression = searchTextOf((column) => `pgtrail.${source.events}.${column}`)
      // pg_trgm writes a capital sigma by what follows it, and would not find it within a word: then no index.
      const text = raw(typed.includes("Σ") ? `(${expression} || '')` : expression)
      return sql`${text} like ${`%${escapeLike(searchFor(typed))}%`}`
    }),
  )

/** A path of SQL/JSON that is true or false: the server reads it, and `prepareFilter` asks it whether it can. */
export const path =
  (column: EventColumn): Reader =>
  (values) =>
    any(values.map((typed) => (source) => sql`${columnOf(source, column)} @@ ${typed}::jsonpath`))
