// A full verification by the command line, from its start to its end, against reading the same rows with psql.
import { join } from "node:path"
import process from "node:process"
import { copyIn, copyOut } from "./copy.js"
import { type Cpu, measureCpu } from "./cpu.js"
import { type Arrival, columns, writeCopy } from "./events.js"
import {
  absolute,
  compare,
  type Figure,
  fair,
  median,
  megabytes,
  microseconds,
  type Series,
  seconds,
  series,
  takeTurns,
  thousands,
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
  const runs = jobs.map((count) => ({ count, ...verify(server, url, count, events) }))
  await takeTurns(options.rounds, [copy, ...runs.map((one) => one.series)])
  const figures = runs.flatMap(({ count, series: ours, peaks, cpus }) => {
    const what = `verify, ${count} job${count === 1 ? "" : "s"}, events ${arrival}`
    const aim = count === 2 ? { must: 1.5, goal: 1, judged: events >= fair } : {}
    const figure = compare(what, ours, copy, seconds, aim)
    return [figure, ...pace(what, events, ours, cpus), ...(count === 2 ? memory(what, peaks) : [])]
  })
  return [...figures, ...(await measureIncremental(url, options, say))]
}

const memory = (what: string, peaks: readonly number[]): Figure[] =>
  peaks.length === 0 ? [] : [absolute(`${what}, most memory`, Math.max(...peaks), megabytes, { must: 200 })]

/** Events a second, and the processor time of each on both sides. */
function pace(what: string, events: number, ours: Series, cpus: readonly Cpu[]): Figure[] {
  const rate = absolute(`${what}, events a second`, events / median(ours.values), thousands)
  if (cpus.length === 0) return [rate]
  const each = (side: keyof Cpu) => (median(cpus.map((cpu) => cpu[side])) / events) * 1e6
  return [
    rate,
    absolute(`${what}, processor time an event, client`, each("client"), microseconds),
    absolute(`${what}, processor time an event, server`, each("server"), microseconds),
  ]
}

/** From what the last whole verification remembers: nothing new, then 10,000 new events. */
async function measureIncremental(
  url: string,
  { events, rounds, arrival }: { events: number; rounds: number; arrival: Arrival },
  say: (text: string) => void,
): Promise<Figure[]> {
  say(`incremental verify, events ${arrival}`)
  const incremental = (more: number) =>
    series(async () => {
      if (more > 0) {
        await query(
          url,
          "insert into pgtrail.event (organization_id, event_type) select 'organization-' || i % 50, 'x' from generate_series(1, $1::int) i",
          [more],
        )
      }
      const found = await run(
        process.execPath,
        [pgtrail, "verify", "--incremental", "--json", "--url", url],
        {
          output: true,
        },
      )
      mustBeIntact(found.stdout, more)
      return found.seconds
    })
  const [nothing, some] = [incremental(0), incremental(10_000)]
  for (const one of [nothing, some]) await takeTurns(rounds, [one])
  const what = `incremental verify of ${events.toLocaleString("en")} events ${arrival}`
  return [
    absolute(`${what}, nothing new`, median(nothing.values), seconds, { must: 1 }),
    absolute(`${what}, 10,000 new`, median(some.values), seconds),
  ]
}

const read = (url: string) => copyOut(url, "select * from pgtrail.event")

/** `peaks`, `cpus`: most memory and processor time of each run, where the system tells. */
function verify(
  server: Server,
  url: string,
  count: number,
  events: number,
): { series: Series; peaks: number[]; cpus: Cpu[] } {
  const peaks: number[] = []
  const cpus: Cpu[] = []
  const flags = ["--jobs", String(count), "--json", "--url", url]
  return {
    peaks,
    cpus,
    series: series(async () => {
      const { result: found, cpu } = await measureCpu(
        server.pid,
        () => run(process.execPath, [pgtrail, "verify", ...flags], { output: true }),
        () => untilAlone(url),
      )
      if (cpu !== undefined) cpus.push(cpu)
      mustBeIntact(found.stdout, events)
      if (found.peak !== undefined) peaks.push(found.peak)
      return found.seconds
    }),
  }
}

/** A connection that was closed has a process on the server for some milliseconds more. */
export async function untilAlone(url: string): Promise<void> {
  const others =
    "select count(*) as others from pg_stat_activity where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()"
  while ((await query(url, others))[0]?.others !== "0");
}

/** Through the trigger, row by row, so that the order of arrival is the order of the chains. */
export async function load(server: Server, url: string, events: number, arrival: Arrival): Promise<void> {
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
