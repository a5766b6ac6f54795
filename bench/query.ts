// First pages, events and counts on a log of 24 months and 50 organizations: server time on a warm connection, against psql's.
import { join } from "node:path"
import process from "node:process"
import { open } from "../src/data/index.js"
import { hasPsql } from "./copy.js"
import { absolute, compare, type Figure, median, series, takeTurns } from "./measure.js"
import { multiply } from "./multiply.js"
import { pgtrail, run } from "./process.js"
import { type Page, pages } from "./query-pages.js"
import { byLibrary, byPsql, caught, type Explained, explained, type Statement } from "./query-replay.js"
import { query, type Server } from "./server.js"
import { load } from "./verify.js"

/** Runs of a kind that are explained, and that are started as processes. */
const looked = 20
const started = 7
const short = (value: number): string => `${value.toFixed(value < 10 ? 2 : 1)} ms`
const whole = (value: number): string => String(value)

interface Options {
  readonly events: number
  readonly copies: number
  readonly rounds: number
}

/** Figures, and notes that say how the server found what was asked. */
export async function measureQueries(
  server: Server,
  { events, copies, rounds }: Options,
  say: (text: string) => void,
): Promise<{ figures: Figure[]; notes: string[] }> {
  say("query: the log")
  const url = await server.logDatabase("query")
  await load(server, url, events, "in time order")
  if (copies > 1) await multiply(url, copies)
  const trail = await open({ connectionString: url, applicationName: "pgtrail bench" })
  const figures: Figure[] = []
  const notes: string[] = []
  try {
    say("query: the summaries")
    await trail.refreshSummary()
    await query(url, "vacuum (analyze)")
    for (const kind of pages(await someIds(url, events * copies))) {
      const name = kind[0]?.name ?? ""
      say(`query: ${name}`)
      const asked: Statement[][] = []
      for (const page of kind) asked.push(await caught(() => page.ask(trail)))
      const middles: number[] = []
      const processor: number[] = []
      const ours = series(async () => {
        const times = await byLibrary(trail, asked)
        middles.push(median(times.map((time) => time.wall)))
        processor.push(percentile(times.flatMap((time) => time.server ?? [])))
        return percentile(times.map((time) => time.wall))
      })
      const psql = series(async () => percentile(await byPsql(url, asked, join(server.dir, "pages.sql"))))
      const turns = hasPsql ? [ours, psql] : [ours]
      // The first reading is for the caches.
      for (const one of turns) await one.measure(0)
      await takeTurns(rounds, turns)
      const must = kind[0]?.must ?? 0
      const withMiddle = (value: number): string => `${short(value)} (${short(median(middles))})`
      figures.push(
        absolute(`${name}, P95 of ${kind.length} (median)`, median(ours.values), withMiddle, { must }),
      )
      if (hasPsql)
        figures.push(compare(`${name}, against the same SQL by psql`, ours, psql, short, { must: 1.15 }))
      const cpu = median(processor)
      if (!Number.isNaN(cpu)) figures.push(absolute(`${name}, processor time of the server, P95`, cpu, short))
      figures.push(absolute(`${name}, by the command line`, await wallTime(url, kind), short))
      const plans: Explained[] = []
      for (const statements of asked.slice(0, looked)) plans.push(await explained(trail, statements))
      figures.push(
        absolute(
          `${name}, partitions read sequentially`,
          Math.max(...plans.map((plan) => plan.sequential)),
          whole,
          { must: 1 },
        ),
      )
      notes.push(noteOf(name, plans))
      say(`query: ${name}: P95 ${withMiddle(median(ours.values))}, psql ${short(median(psql.values))}`)
    }
  } finally {
    await trail.close()
    await server.drop("query")
  }
  return { figures, notes }
}

function percentile(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[Math.ceil(times.length * 0.95) - 1] ?? Number.NaN
}

async function wallTime(url: string, kind: readonly Page[]): Promise<number> {
  const times: number[] = []
  for (const { argv } of kind.slice(0, started)) {
    // 1: an event of a log that was multiplied does not verify.
    const options = { accept: [0, 1] }
    times.push(
      (await run(process.execPath, [pgtrail, ...argv, "--quiet", "--url", url], options)).seconds * 1000,
    )
  }
  return median(times)
}

function noteOf(name: string, plans: readonly Explained[]): string {
  const shapes = new Map<string, number>()
  for (const { shape } of plans) {
    const plain = shape.replace(/event_(\d{4}_\d\d|default)/g, "event_MONTH")
    shapes.set(plain, (shapes.get(plain) ?? 0) + 1)
  }
  const [usual = ""] = [...shapes].sort(([, a], [, b]) => b - a)[0] ?? []
  const typical = (of: (plan: Explained) => number): string =>
    `${median(plans.map(of))}, at most ${Math.max(...plans.map(of))}`
  return `${name}: ${typical((plan) => plan.statements)} statements; ${typical((plan) => plan.buffers)} buffers; ${usual}`
}

/** Of events all over the log. */
async function someIds(url: string, events: number): Promise<string[]> {
  const percent = Math.min(100, (100 * 20_000) / events)
  const rows = await query(
    url,
    `select id from (select id from pgtrail.event tablesample system (${percent}) repeatable (1)) s order by md5(id::text) limit 200`,
  )
  return rows.flatMap(({ id }) => id ?? [])
}
