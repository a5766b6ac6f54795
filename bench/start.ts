// How long the command line takes to start, against bare node.
import process from "node:process"
import { compare, type Figure, milliseconds, series, takeTurns } from "./measure.js"
import { pgtrail, run } from "./process.js"
import { query, type Server } from "./server.js"

/** Single starts are short and jump about. */
const starts = 15

export async function measureStart(server: Server, say: (text: string) => void): Promise<Figure[]> {
  say("start-up")
  const url = await server.logDatabase("start")
  await query(url, "insert into pgtrail.event (organization_id, event_type) values ('acme', 'bench.start')")
  const node = (...args: string[]) => series(async () => (await run(process.execPath, args)).seconds)
  const bare = node("-e", "0")
  const help = node(pgtrail, "--help")
  const oneRow = node(pgtrail, "query", "--limit", "1", "--json", "--url", url)
  await takeTurns(starts, [bare, help, oneRow])
  await server.drop("start")
  return [
    compare("pgtrail --help, against node -e 0", help, bare, milliseconds, { must: 1.4, goal: 1.2 }),
    compare("one-row query, against node -e 0", oneRow, bare, milliseconds, { must: 2.5, goal: 2 }),
  ]
}
