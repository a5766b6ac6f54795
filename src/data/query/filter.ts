// What events are asked for, as conditions that the indexes of pgtrail.event serve: the one place that composes SQL.
import { and, eq, gte, lt, type SQL, sql } from "drizzle-orm"
import type { PgColumn } from "drizzle-orm/pg-core"
import { TrailError } from "../errors.js"
import { organizationEvent, event as wholeTable } from "../schema.js"
import { type Outcome, outcomes, type Severity, severities } from "./choices.js"
import type { Source } from "./source.js"
import type { Period } from "./time.js"

export type EventTable = typeof wholeTable

export const tableOf = ({ isBound }: Source): EventTable => (isBound ? organizationEvent : wholeTable)

export interface EventFilter extends Period {
  readonly organization?: string | undefined
  /** `*` stands for any run of characters, `?` for one; `\` before one of them takes its meaning away. */
  readonly type?: string | undefined
  readonly actor?: string | undefined
  readonly resource?: { readonly type: string; readonly id?: string | undefined } | undefined
  readonly outcome?: Outcome | undefined
  readonly severity?: Severity | undefined
}

/** All but the period: each statement of a walk has its own. */
export function conditions(filter: EventFilter, source: Source): SQL[] {
  const event = tableOf(source)
  const all: SQL[] = []
  if (filter.organization !== undefined) all.push(eq(event.organization_id, filter.organization))
  if (filter.type !== undefined) all.push(...typeConditions(source, filter.type))
  if (filter.actor !== undefined) all.push(...same(source, event.actor_id, 300, filter.actor))
  if (filter.resource !== undefined) {
    all.push(...same(source, event.resource_type, 100, filter.resource.type))
    if (filter.resource.id !== undefined)
      all.push(...same(source, event.resource_id, 300, filter.resource.id))
  }
  if (filter.outcome !== undefined) all.push(eq(event.outcome, literal("outcome", filter.outcome, outcomes)))
  if (filter.severity !== undefined)
    all.push(eq(event.severity, literal("severity", filter.severity, severities)))
  return all
}

export function during(period: Period, event: EventTable): SQL[] {
  const all: SQL[] = []
  if (period.since !== undefined) all.push(gte(event.occurred_at, period.since))
  if (period.until !== undefined) all.push(lt(event.occurred_at, period.until))
  return all
}

export const every = (all: readonly SQL[]): SQL | undefined => and(...all)

/**
 * Long text is indexed by its first characters alone, so both are asked: the beginning for the index, the whole for the answer. Behind the
 * barrier of a view it has a column of its own, because a function of the reader's never gets there.
 */
function prefixOf({ isBound }: Source, column: PgColumn, indexed: number): SQL {
  return isBound
    ? sql`${sql.identifier(`${column.name}_prefix`)}`
    : sql`left(${column}, ${sql.raw(String(indexed))})`
}

/** In the statement's text, not a parameter: the partial index of critical events is used only for a value known to the planner. */
function literal<C extends string>(name: string, value: C, choices: readonly C[]): SQL {
  if (!choices.includes(value)) {
    throw new TrailError("usage", `${name} is one of ${choices.join(", ")}, not ${JSON.stringify(value)}`)
  }
  return sql.raw(`'${value}'`)
}

function same(source: Source, column: PgColumn, indexed: number, value: string): SQL[] {
  return [sql`${prefixOf(source, column, indexed)} = ${cut(value, indexed)}`, eq(column, value)]
}

function typeConditions(source: Source, glob: string): SQL[] {
  const { event_type: type } = tableOf(source)
  const { literal: whole, prefix, pattern } = readGlob(glob)
  if (whole !== undefined) return same(source, type, 300, whole)
  const start = cut(prefix, 300)
  return [...beginsWith(source, prefixOf(source, type, 300), start), sql`${type} like ${pattern}`]
}

/** LIKE may not pass a barrier, since it could fail and tell of a row; comparisons cannot. */
function beginsWith({ isBound }: Source, column: SQL, start: string): SQL[] {
  if (start === "") return []
  if (!isBound) return [sql`${column} like ${`${escapeLike(start)}%`}`]
  const end = successor(start)
  return [sql`${column} >= ${start}`, ...(end === undefined ? [] : [sql`${column} < ${end}`])]
}

/** The first text, in the order of collation "C", that comes after all that begin so. */
function successor(start: string): string | undefined {
  const points = Array.from(start, (character) => character.codePointAt(0) ?? 0)
  while (points.at(-1) === 0x10ffff) points.pop()
  const last = points.pop()
  if (last === undefined) return undefined
  // No character of UTF-8 is between these two.
  return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1)
}

/** What a glob means: one literal, or a LIKE pattern that begins with the literal `prefix`. */
export function readGlob(glob: string): { literal?: string; prefix: string; pattern: string } {
  let text = ""
  let prefix: string | undefined
  let pattern = ""
  for (const [token] of glob.matchAll(/\\[*?\\]|./gsu)) {
    if (token === "*" || token === "?") {
      prefix ??= text
      pattern += token === "*" ? "%" : "_"
    } else {
      const character = token.length > 1 && token.startsWith("\\") ? token.slice(1) : token
      text += character
      pattern += escapeLike(character)
    }
  }
  return prefix === undefined ? { literal: text, prefix: text, pattern } : { prefix, pattern }
}

const escapeLike = (text: string): string => text.replace(/[%_\\]/g, "\\$&")

/** The first characters as Postgres counts them: code points, not UTF-16 units. */
const cut = (text: string, length: number): string =>
  text.length <= length ? text : Array.from(text).slice(0, length).join("")
