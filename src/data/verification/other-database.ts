// Reads the wanted events out of another database, and changes nothing there.
import type { ClientBase } from "pg"
import { type ConnectionTarget, withClient } from "../connection.js"
import { TrailError } from "../errors.js"
import { eventColumns } from "../event-columns.js"
import { streamRows } from "../row-stream.js"
import type { Gap } from "./explanation.js"
import type { Row } from "./file-forms.js"
import { batchSize, eventsAt } from "./rows.js"
import type { Wanted } from "./wanted.js"

export async function readDatabase(
  target: ConnectionTarget,
  name: string,
  wanted: Wanted,
  take: (row: Row) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  try {
    await withClient(target, async (client) => {
      await client.query("set default_transaction_read_only = on")
      const { places } = wanted
      for (let at = 0; at < places.length; at += batchSize) {
        signal?.throwIfAborted()
        const batch = places.slice(at, at + batchSize).map(({ place }) => place)
        for (const stored of (await eventsAt(client, batch)).values())
          for (const { row } of stored) await take({ ...row } as Row)
      }
      for (const { gap } of wanted.gaps) {
        for await (const row of eventsIn(client, gap)) {
          signal?.throwIfAborted()
          await take(row)
        }
      }
    })
  } catch (error) {
    if (!(error instanceof TrailError)) throw error
    const hint = error.code === "not-installed" ? "name a database that has the log" : error.hint
    throw new TrailError(error.code, `${name}: ${error.message}`, {
      hint,
      sqlstate: error.sqlstate,
      cause: error,
    })
  }
}

/** The whole range is read to be verified, so it may open every partition. */
function eventsIn(client: ClientBase, { organization_id, lane, first, last }: Gap): AsyncIterable<Row> {
  const columns = eventColumns.map((column) => `e.${column}`).join(", ")
  return streamRows(
    client,
    `select ${columns} from pgtrail.event e where e.organization_id = $1 and ($2::int is null or e.lane = $2::int)
       and e.seq >= $3::bigint and ($4::bigint is null or e.seq <= $4::bigint) order by e.lane, e.seq`,
    [organization_id, lane, first, last],
    100,
  )
}
