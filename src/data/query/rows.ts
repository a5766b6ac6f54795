// Reads rows of known columns: no description of them is asked for, and each row becomes an object once. Of a page of a hundred events node-postgres'
// own way takes as long as the server.
import type { ClientBase, Connection, Submittable } from "pg"

/** Column by column, as the statement names them. */
export type Cells = readonly (string | null)[]

export interface Answer {
  readonly rows: readonly Cells[]
  /** As they were sent. */
  readonly bytes: number
}

/** What a statement of `columns` columns gives. */
export function readRows(
  client: ClientBase,
  text: string,
  values: readonly unknown[],
  columns: number,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    client.query(
      new Reading(text, values, columns, (error, answer) => (error ? reject(error) : resolve(answer))),
    )
  })
}

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
  parse(message: { text: string }): void
  bind(message: { values: (string | null)[] }): void
  execute(message: object): void
  sync(): void
}

type Done = (error: Error | null, answer: Answer) => void

/** One statement in the place of node-postgres' Query. `text` and `values` are for whoever watches what is asked. */
class Reading implements Submittable {
  readonly text: string
  readonly values: readonly unknown[]
  readonly columns: number
  /** Whoever limits the time of a statement puts another in its place. */
  callback: Done
  readonly #rows: Cells[] = []
  #bytes = 0
  #problem: Error | undefined

  constructor(text: string, values: readonly unknown[], columns: number, callback: Done) {
    this.text = text
    this.values = values
    this.columns = columns
    this.callback = callback
  }

  submit(connection: Connection): void {
    const wire = connection as unknown as Wire
    wire.stream.cork()
    wire.parse({ text: this.text })
    wire.bind({ values: this.values.map(written) })
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
