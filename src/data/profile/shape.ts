// What a profile is: views in the shape of another system's tables over pgtrail.event, and the tables that it has beside them. One generator makes the SQL.

import type { Kept } from "./kept.js"

export const profileNames = ["mem0", "memoric", "agenttrace", "audit-db", "ai-firewall"] as const
export type ProfileName = (typeof profileNames)[number]

/** Where a profile is put; both are quoted already. */
export interface Place {
  /** An identifier. */
  readonly schema: string
  /** A literal: the organization whose events a view has where the system knows none. */
  readonly organization: string
}

export interface ViewColumn {
  readonly name: string
  /** What the view shows: varchar without length and timestamptz, so that the indexes of pgtrail.event serve the system's own filters. */
  readonly type: string
  /** An expression over `e`, a row of pgtrail.event. Text that is indexed by its beginning is shown by it: `left(e.actor_id, 300)`. */
  readonly read: string | ((place: Pick<Place, "schema">) => string)
  /** An SQL expression that stands where an INSERT leaves the column out. */
  readonly default?: string
  /** Refused with 23502 where it is null. */
  readonly isRequired?: boolean
  /** Characters; longer text is refused with 22001. */
  readonly limit?: number
  /** A constraint of the system's own over `new`, true or null where a value is accepted; else 23514 with its name. */
  readonly check?: Check
}

export const readOf = ({ read }: ViewColumn, place: Pick<Place, "schema">): string =>
  typeof read === "string" ? read : read(place)

export interface Check {
  readonly name: string
  readonly sql: string
  /** What to do, where the name does not say it. */
  readonly hint?: string
}

/** An expression with a subquery, which costs a row a twentieth: computed only where the condition holds, else null. */
export interface Seldom {
  readonly when: string
  readonly value: string
}

/** A view whose INSERT appends an event. */
export interface EventView {
  readonly name: string
  readonly columns: readonly ViewColumn[]
  /**
   * By column of pgtrail.event, an expression over `new`, the row as the application wrote it, or `found_address`, its ip_address where that is
   * one. `source` and a bound organization are added.
   */
  readonly write: Readonly<Record<string, string | Seldom>>
  /** Columns that the database decides: by column of the view, an expression over `e`, the event as it was appended. */
  readonly answers?: Readonly<Record<string, string>>
  /** Whether the system has an organization of its own in each row. Without it, the view is of one. */
  readonly hasOrganization: boolean
  /** plpgsql statements that run before the checks; they may change `new` and use `found_row record`. */
  readonly before?: (place: Place) => string
  /** Its column that becomes the event's details, and what stands there beside it: `details` is written by the generator. */
  readonly kept?: { readonly column: string; readonly values: readonly Kept[] }
  /** Its ids are numbers from a sequence of this name, kept in external_number. */
  readonly sequence?: string
}

/** A statement that the system's users know and that a view cannot answer, and what to run in its place. test/seeds.md runs it. */
export interface Replacement {
  /** `...` stands for whatever is there. */
  readonly instead: string
  /** Lines of a shell, of psql or of SQL: one after the other. */
  readonly run: string
  readonly why: string
}

/** What a profile has beside its events. Made in order, after the views. */
export interface Companion {
  readonly name: string
  /** A table keeps its rows when the profile is removed. */
  readonly kind: "table" | "view" | "function"
  /** Of a function: the arguments, as `(text, text)`. */
  readonly signature?: string
  /** May run again: `create table if not exists`, `create or replace`. Names stand with their schema. */
  readonly sql: (place: Place) => string
  /** What whoever may write the profile gets beside SELECT. */
  readonly rights?: readonly ("select" | "insert" | "update" | "delete")[]
  /** A view whose triggers refuse UPDATE and DELETE with what to do instead. The first name in its FROM is a held one (heldName). */
  readonly isAppendOnly?: boolean
  /** A table whose ids are numbers that it counts. */
  readonly isCounted?: boolean
  /** A view on which the owner has SELECT alone (heldSql). */
  readonly isHeld?: boolean
  /** No role gets it but by `rights`: what it shows is for pgtrail_privacy or the owner, or it is a trigger's function. */
  readonly isPrivate?: boolean
}

export interface Profile {
  readonly name: ProfileName
  /** Whose application it is for, in a few words. */
  readonly summary: string
  readonly views: readonly EventView[]
  readonly companions: readonly Companion[]
  /** Tables of the log beside the events, each of which its views read by heldName. */
  readonly alsoReads?: readonly "act"[]
  /** The first says what to run instead of `pg_dump -t`. */
  readonly replacements: (place: Place) => readonly Replacement[]
  /** What to know of these views beside that: a sentence each, such as what is stored and what is not. */
  readonly notes?: readonly string[]
  /** pgtrail commands that set up what the system does beside writing, such as its retention. */
  readonly next: readonly string[]
}
