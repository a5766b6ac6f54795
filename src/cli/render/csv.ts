// CSV as Postgres' own COPY writes it, lossless: null is an empty field, the empty text is "", lines end with \n.
// Only a terminal, which would obey what is in an event, gets escapes for control characters.
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { stringify } from "csv-stringify"
import { visible } from "../../data/words.js"
import type { Cell, Column, Row } from "../report.js"
import type { RenderOptions } from "./index.js"

export async function csv(
  columns: readonly Column[],
  rows: AsyncIterable<Row>,
  { output, hasHeading = true, isTerminal = false }: RenderOptions,
): Promise<void> {
  const names = columns.map(({ name }) => name)
  const stringifier = stringify({
    header: hasHeading,
    columns: names,
    record_delimiter: "unix",
    // A lone \r unquoted breaks the row in two in a spreadsheet. /^$/ quotes "" but not null, which quoted_empty would.
    // COPY takes \. on a line of its own for the end.
    quoted_match: [/[\r\n]/, /^$/, /^\\\.$/],
    cast: { boolean: String },
  })
  const records = async function* (): AsyncGenerator<Cell[]> {
    const written = (cell: Cell): Cell => (isTerminal && typeof cell === "string" ? visible(cell) : cell)
    for await (const row of rows) yield names.map((name) => written(row[name] ?? null))
  }
  // What broke first: pipeline itself may answer with the abort that followed.
  let failure: unknown
  const write = async (text: AsyncIterable<Buffer>): Promise<void> => {
    const decoder = new TextDecoder()
    try {
      for await (const chunk of text) await output.put(decoder.decode(chunk, { stream: true }))
    } catch (error) {
      failure = error
      throw error
    }
  }
  await pipeline(Readable.from(records()), stringifier, write).catch((error) => {
    throw failure ?? error
  })
}
