// What a command returns: rows that stream, and the other forms in which the same answer can be printed.
import type { ExitCode } from "./exit.js"

/** Text from Postgres, verbatim: bigint, timestamps and numbers are strings. */
export type Cell = string | null | boolean

export type Row = Readonly<Record<string, Cell>>

export interface Column {
  readonly name: string
  /** Heading of the table; the name where it is missing. JSON and CSV always use the name. */
  readonly title?: string
  /** "json": the cell is JSON text and is printed as it is, never parsed (1.10 and 2^53+1 survive). "number" only aligns. */
  readonly kind?: "text" | "json" | "number" | "boolean"
  readonly align?: "left" | "right"
  /** Printed only when --fields names it. */
  readonly onRequest?: boolean
  /** A name that people type again: never cut, however narrow the terminal is. */
  readonly whole?: boolean
}

export interface Report {
  /** Name and version of the row's shape: "pgtrail.event/1". */
  readonly schema: string
  readonly columns: readonly Column[]
  readonly rows: Iterable<Row> | AsyncIterable<Row>
  /** In the place of `rows` where they come by and by: a portion has reached the reader when the next is asked for. */
  readonly portions?: AsyncIterable<AsyncIterable<Row>>
  /** Where the next page starts: "next" of --json. */
  readonly next?: string | (() => string | null)
  /** What --json says besides, after "next". */
  readonly further?: () => Readonly<Record<string, Cell>>
  /** --json prints this one object instead of {"schema","rows","next"}. May contain RawJson. */
  readonly document?: object
  /** The answer in the further forms that the command has (`formats`), whole and as it is printed. */
  readonly forms?: Readonly<Record<string, string>>
  /** For people, instead of the table. One that is asked with the width of the terminal is also wrapped to it. */
  readonly text?: string | ((width: number | undefined) => string)
  /** One line for people, on stderr after the answer. */
  readonly note?: string | (() => string | undefined)
  /** Asked after the last row was printed. 0 where it is missing. */
  readonly exit?: ExitCode | (() => ExitCode)
}

/** JSON text from Postgres inside a `document`: printed as it is. */
export class RawJson {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}
