// The text of an event that --grep looks through, as one expression that an index can be built on.
import type { EventColumn } from "../event-columns.js"

const columns: readonly (readonly [column: EventColumn, isJson: boolean])[] = [
  ["description", false],
  ["error_message", false],
  ["actor_name", false],
  ["actor_email", false],
  ["resource_name", false],
  ["request_params", true],
  ["before_state", true],
  ["after_state", true],
  ["details", true],
]

/**
 * The expression, each column written by `write`. A blank is between two columns: the end of one and the beginning of the next make no word.
 * Lower case by collation "C", which knows ASCII letters alone, and not by ILIKE: what pg_trgm then lowers once more, by the database's
 * locale, is the same in the index and in what is looked for (in a Turkish one I is no capital i, and the index found no FILE).
 */
export const searchTextOf = (write: (column: EventColumn) => string): string => {
  const parts = columns.map(([column, isJson]) => `coalesce(${write(column)}${isJson ? "::text" : ""}, '')`)
  return `lower(${parts.join(" || ' ' || ")})`
}

/** What is looked for in it. */
export const searchFor = (typed: string): string => typed.replace(/[A-Z]/g, (letter) => letter.toLowerCase())

/** Over bare column names: what an index is made on. Immutable. */
export const searchText = searchTextOf((column) => column)

/** A tag is as long as an application likes, and an entry of an index is not: else one long tag would fail its transaction. */
export const shortTags = (column: string): string => `${column}::varchar(300)[]`
