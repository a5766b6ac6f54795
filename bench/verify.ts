// A full verification by the command line, from its start to its end, against reading the same rows with psql.
import { join } from "node:path"
import process from "node:process"
import { copyIn, copyOut } from "./copy.js"
import { type Arrival, columns, writeCopy } from "./events.js"
import {
  absolute,
  compare,
  type Figure,
  fair,
  megabytes,
  type Series,
  seconds,
  series,
  takeTurns,
} from "./measure.js"
import { pgtrail, run } from "./process.js"
import { query, type Server, settle } from "./server.js"

const jobs = [1, 2, 4] as const

export async function measureVerify(
  server: Server,
  options: { events: number; rounds: number; arrival: Arrival },
  say: (text: string) => void,
): Promise<Figure[]> {
  const { events, arrival } = options
  say(`verify, events ${arrival}`)
  const url = await server.logDatabase(arrival === "in time order" ? "time" : "random")
  await load(server, url, events, arrival)
  // The first reading is for the caches.
  await read(url)
  const copy = series(() => read(url))
  const runs = jobs.map((count) => ({ count, ...verify(url, count, events) }))
  await takeTurns(options.rounds, [copy, ...runs.map((one) => one.series)])
  return runs.flatMap(({ count, series: ours, peaks }) => {
    const what = `verify, ${count} job${count === 1 ? "" : "s"}, events ${arrival}`
    const aim = count === 2 ? { must: 1.5, goal: 1, judged: events >= fair } : {}
    const figure = compare(what, ours, copy, seconds, aim)
    if (count !== 2 || peaks.length === 0) return [figure]
    return [figure, absolute(`${what}, most memory`, Math.max(...peaks), megabytes, { must: 200 })]
  })
}

const read = (url: string) => copyOut(url, "select * from pgtrail.event")

/** `peaks`: most memory of each run, where the system tells. */
function verify(url: string, count: number, events: number): { series: Series; peaks: number[] } {
  const peaks: number[] = []
  const flags = ["--jobs", String(count), "--json", "--url", url]
  return {
    peaks,
    series: series(async () => {
      const found = await run(process.execPath, [pgtrail, "verify", ...flags], { output: true })
      mustBeIntact(found.stdout, events)
      if (found.peak !== undefined) peaks.push(found.peak)
      return found.seconds
    }),
  }
}

/** Through the trigger, row by row, so that the order of arrival is the order of the chains. */
async function load(server: Server, url: string, events: number, arrival: Arrival): Promise<void> {
  const file = join(server.dir, "verify.copy")
  await writeCopy(file, events, arrival)
  await copyIn(url, `pgtrail.event (${columns.join(", ")})`, file)
  await query(url, "vacuum (freeze, analyze) pgtrail.event")
  await settle(url)
}

/** A verification that looked at something else would be no comparison. */
function mustBeIntact(json: string, events: number): void {
  const report: unknown = JSON.parse(json)
  if (typeof report !== "object" || report === null || !("verdict" in report) || !("covered" in report)) {
    throw new Error(`verify printed something else: ${json.slice(0, 200)}`)
  }
  const { verdict, covered } = report
  const seen =
    typeof covered === "object" && covered !== null && "events" in covered ? covered.events : undefined
  if (verdict !== "intact" || seen !== String(events)) {
    throw new Error(`verify says ${verdict} of ${seen} events, where ${events} are intact`)
  }
}
