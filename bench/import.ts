// Bulk loading: every way in, against COPY of the same rows, chain columns and all, into the twin without trigger.
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import process from "node:process"
import { open } from "../src/data/index.js"
import { copyIn, copyOut, timed } from "./copy.js"
import { columns, writeCopy, writeNdjson } from "./events.js"
import { type Aim, compare, type Figure, fair, type Series, seconds, series, takeTurns } from "./measure.js"
import { pgtrail, run } from "./process.js"
import { query, type Server, settle } from "./server.js"

/** The slower ways in are measured with fewer events: they are linear too, and nobody waits for them twice. */
const mostOthers = 100_000
const appendBatch = 500

/** Leaves the last round's log, of `events` in time order, in the database `log`. */
export async function measureImport(
  server: Server,
  options: { events: number; rounds: number },
  say: (text: string) => void,
): Promise<Figure[]> {
  const { events } = options
  const files = await prepare(server, events, say)
  const what = `import file, ${counted(events)}`
  say(what)
  const found = await against(server, files.rows, options.rounds, (url) => importFile(url, files.ndjson))
  const figures = [figure(what, found.ours, found.plain, { must: 3, goal: 2, judged: events >= fair })]

  const fewer = Math.min(events, mostOthers)
  say(`other ways in, ${counted(fewer)}`)
  const small = fewer === events ? files : await prepare(server, fewer, say)
  const copy = join(server.dir, "events.copy")
  await writeCopy(copy, fewer, "in time order")
  const others = {
    "COPY through the trigger": (url: string) => copyIn(url, `pgtrail.event (${list})`, copy),
    "INSERT ... SELECT through the trigger": (url: string) => insertSelect(url, copy),
    [`library append, ${appendBatch} a batch`]: (url: string) => append(url, small.ndjson),
  }
  for (const [name, way] of Object.entries(others)) {
    const { ours, plain } = await against(server, small.rows, 1, way)
    figures.push(figure(`${name}, ${counted(fewer)}`, ours, plain))
  }
  return figures
}

const list = columns.join(", ")
const counted = (events: number) => `${events.toLocaleString("en")} events`

function figure(what: string, ours: Series, plain: Series, aim: Aim = {}): Figure {
  return compare(what, ours, plain, seconds, aim)
}

interface Files {
  readonly ndjson: string
  /** All columns, as they came out of a log. */
  readonly rows: string
}

/** The same events in two forms. The whole rows come out of a log that was imported for that, which warms everything up too. */
async function prepare(server: Server, events: number, say: (text: string) => void): Promise<Files> {
  const name = (ending: string) => join(server.dir, `events-${events}.${ending}`)
  const files = { ndjson: name("ndjson"), rows: name("rows") }
  say(`writing ${counted(events)}`)
  await writeNdjson(files.ndjson, events, "in time order")
  const url = await server.logDatabase("warm")
  await importFile(url, files.ndjson)
  await copyOut(url, "select * from pgtrail.event", files.rows)
  await server.drop("warm")
  return files
}

/** Each round has a fresh database, and both tables of it are filled: first ours, next time first the other. */
async function against(
  server: Server,
  rows: string,
  rounds: number,
  way: (url: string) => Promise<number>,
): Promise<{ ours: Series; plain: Series }> {
  let url = ""
  const step = (firstInRound: 0 | 1, fill: () => Promise<number>) =>
    series(async (round) => {
      if (round % 2 === firstInRound) {
        await server.drop("log")
        url = await server.logDatabase("log")
      }
      await settle(url)
      return fill()
    })
  const ours = step(0, () => way(url))
  const plain = step(1, () => copyIn(url, "plain.event", rows))
  await takeTurns(rounds, [ours, plain])
  return { ours, plain }
}

async function importFile(url: string, file: string): Promise<number> {
  return (await run(process.execPath, [pgtrail, "import", "file", "--quiet", "--url", url, file])).seconds
}

async function insertSelect(url: string, file: string): Promise<number> {
  await query(url, `create unlogged table plain.raw as select ${list} from plain.event limit 0`)
  await copyIn(url, "plain.raw", file)
  const took = await timed(() =>
    query(url, `insert into pgtrail.event (${list}) select ${list} from plain.raw`),
  )
  await query(url, "drop table plain.raw")
  return took
}

async function append(url: string, file: string): Promise<number> {
  const lines = (await readFile(file, "utf8")).trimEnd().split("\n")
  const trail = await open({ connectionString: url, applicationName: "pgtrail bench" })
  try {
    return await timed(async () => {
      for (let at = 0; at < lines.length; at += appendBatch) {
        await trail.appendJson(`[${lines.slice(at, at + appendBatch).join(",")}]`)
      }
    })
  } finally {
    await trail.close()
  }
}
