// XML: one <event> a line, as pgtrail export writes it too.
import { xmlClosing, xmlOpening, xmlWriter } from "../../data/export/xml.js"
import type { Output } from "../output.js"
import type { Column, Report, Row } from "../report.js"

export async function xml(
  { schema }: Report,
  columns: readonly Column[],
  rows: AsyncIterable<Row>,
  output: Output,
): Promise<void> {
  const names = columns.map(({ name }) => name)
  const write = xmlWriter(names)
  await output.put(xmlOpening(schema, names))
  for await (const row of rows) {
    const wait = output.put(write(row))
    if (wait !== undefined) await wait
  }
  await output.put(xmlClosing)
}
