// Reads rows of known columns: no description of them is asked for, and each row becomes an object once. Of a page of a hundred events node-postgres'
// own way takes as long as the server.
import { createHash } from "node:crypto"
import type { ClientBase, Connection, Submittable } from "pg"
import { isPooled } from "../connection/pooled.js"

/** Column by column, as the statement names them. */
export type Cells = readonly (string | null)[]

export interface Answer {
  readonly rows: readonly Cells[]
  /** As they were sent. */
  readonly bytes: number
}

export interface ReadOptions {
  /**
   * The server keeps the statement as long as the connection: it is parsed once, and after five times planned no more, until what it reads is
   * changed or analyzed. For few texts, whose plan hangs on none of their values. Those of a plan bound its locks: partitions are told by
   * times that stand in the text, because a plan for every time locks all of them.
   */
  readonly kept?: boolean | undefined
}

/** What a statement of `columns` columns gives. */
export function readRows(
  client: ClientBase,
  text: string,
  values: readonly unknown[],
  columns: number,
  { kept = false }: ReadOptions = {},
): Promise<Answer> {
  // The session behind a pooler is another program's next, and would have the names still.
  const name = kept && text.length <= longestKept && !isPooled(client) ? nameOf(text) : undefined
  return new Promise((resolve, reject) => {
    client.query(
      new Reading({ text, name }, values, columns, (error, answer) =>
        error ? reject(error) : resolve(answer),
      ),
    )
  })
}

const nameOf = (text: string): string =>
  `pgtrail_${createHash("sha256").update(text).digest("base64url").slice(0, 22)}`

/** Statements that one connection keeps at most: their texts change as partitions come and go. */
const mostKept = 100
/** A plan takes as much memory as its text has conditions, for each partition. */
const longestKept = 10_000

/** Makes objects of rows; columns beyond `columns` stay behind. */
export function rowMaker(columns: readonly string[]): (cells: Cells) => Record<string, string | null> {
  // What JSON.parse made is copied as a whole; where members are added one by one, fifty of them take twice as long.
  const empty = JSON.parse(JSON.stringify(Object.fromEntries(columns.map((column) => [column, null]))))
  return (cells) => {
    const row: Record<string, string | null> = { ...empty }
    for (let at = 0; at < columns.length; at += 1) row[columns[at] ?? ""] = cells[at] ?? null
    return row
  }
}

/** What @types/pg does not tell of a connection. */
interface Wire {
  readonly stream: { cork(): void; uncork(): void }
  /** Texts by their names, as node-postgres hears that the server has parsed them. */
  readonly parsedStatements: Readonly<Record<string, string>>
  parse(message: { text: string; name: string | undefined }): void
  bind(message: { statement: string | undefined; values: (string | null)[] }): void
  execute(message: object): void
  sync(): void
}

type Done = (error: Error | null, answer: Answer) => void

/** One statement in the place of node-postgres' Query, which reads `name`. `text` and `values` are for whoever watches what is asked. */
class Reading implements Submittable {
  readonly text: string
  name: string | undefined
  readonly values: readonly unknown[]
  readonly columns: number
  /** Whoever limits the time of a statement puts another in its place. */
  callback: Done
  readonly #rows: Cells[] = []
  #bytes = 0
  #problem: Error | undefined

  constructor(
    { text, name }: { text: string; name: string | undefined },
    values: readonly unknown[],
    columns: number,
    callback: Done,
  ) {
    this.text = text
    this.name = name
    this.values = values
    this.columns = columns
    this.callback = callback
  }

  submit(connection: Connection): void {
    const wire = connection as unknown as Wire
    const known = wire.parsedStatements
    const isParsed = this.name !== undefined && known[this.name] !== undefined
    if (!isParsed && Object.keys(known).length >= mostKept) this.name = undefined
    wire.stream.cork()
    if (!isParsed) wire.parse({ text: this.text, name: this.name })
    wire.bind({ statement: this.name, values: this.values.map(written) })
    wire.execute({})
    wire.sync()
    wire.stream.uncork()
  }

  handleDataRow({ fields, length }: { fields: Cells; length: number }): void {
    if (fields.length !== this.columns) {
      this.#problem ??= new Error(`the server sent ${fields.length} columns, not ${this.columns}`)
    }
    this.#bytes += length
    this.#rows.push(fields)
  }

  handleRowDescription(): void {}
  handleCommandComplete(): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}

  handleError(error: Error): void {
    this.callback(error, { rows: [], bytes: 0 })
  }

  handleReadyForQuery(): void {
    this.callback(this.#problem ?? null, { rows: this.#rows, bytes: this.#bytes })
  }
}

/** An array as Postgres reads it. */
function written(value: unknown): string | null {
  if (value === null || value === undefined) return null
  if (!Array.isArray(value)) return String(value)
  const elements = value.map((one) => (one === null ? "NULL" : `"${String(one).replace(/["\\]/g, "\\$&")}"`))
  return `{${elements.join(",")}}`
}
