// Sends the records of a batch to the server's staging table by COPY, as the text that they are.
import { once } from "node:events"
import type { Client } from "pg"
import { from as copyFrom } from "pg-copy-streams"
import type { Batch } from "./batches.js"

const special = /[\\\n\r\t]/g
const escapes: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" }

/** COPY's text format. Bytes are handled as latin1 characters, so that each byte arrives as it was. */
export function copyText(batch: Batch, without: ReadonlySet<number>): Buffer {
  let text = ""
  for (const [at, record] of batch.records.entries()) {
    const position = batch.from + at + 1
    if (without.has(position)) continue
    text += `${position}\t${record.raw.toString("latin1").replace(special, (byte) => escapes[byte] ?? byte)}\n`
  }
  return Buffer.from(text, "latin1")
}

/** Inside a transaction, whose end empties the table. */
export async function stage(client: Client, rows: Buffer): Promise<void> {
  await client.query("select pgtrail.import_stage()")
  const copy = client.query(copyFrom("copy pg_temp.pgtrail_stage (position, event) from stdin"))
  copy.end(rows)
  await once(copy, "finish")
}
