// An export as CSV by the command line, from its start to its end, against psql's \copy of the same rows into a file on the same disk.
import { rm } from "node:fs/promises"
import { join } from "node:path"
import process from "node:process"
import { copyOut, hasPsql } from "./copy.js"
import { arrivals } from "./events.js"
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
import { multiply } from "./multiply.js"
import { pgtrail, run } from "./process.js"
import type { Server } from "./server.js"
import { load } from "./verify.js"

export async function measureExport(
  server: Server,
  options: { events: number; copies: number; rounds: number },
  say: (text: string) => void,
): Promise<Figure[]> {
  const { copies, rounds } = options
  const events = options.events * copies
  say("export")
  const url = await server.logDatabase("export")
  await load(server, url, options.events, arrivals[0])
  if (copies > 1) await multiply(url, copies)
  const file = join(server.dir, "copy.csv")
  const copy = series(() => copyCsv(url, file))
  // The first reading is for the caches.
  await copyCsv(url, file)
  const csv = exportAs(server, url, "csv")
  const ndjson = exportAs(server, url, "ndjson")
  await takeTurns(rounds, [copy, csv.series, ndjson.series])
  await rm(file, { force: true })
  const checked = await check(server, url)
  await server.drop("export")
  const aim = { must: 1.3, goal: 1, judged: events >= fair }
  return [
    compare("export, csv", csv.series, copy, seconds, aim),
    ...memory("export, csv, most memory", csv.peaks),
    compare("export, ndjson", ndjson.series, copy, seconds),
    ...memory("export, ndjson, most memory", ndjson.peaks),
    absolute("export verify, csv", checked.seconds, seconds),
    ...memory("export verify, csv, most memory", checked.peak === undefined ? [] : [checked.peak]),
  ]
}

const memory = (what: string, peaks: readonly number[]): Figure[] =>
  peaks.length === 0 ? [] : [absolute(what, Math.max(...peaks), megabytes, { must: 150 })]

/** Seconds; what is raw on both sides: all columns, in no order. */
async function copyCsv(url: string, file: string): Promise<number> {
  const select = "select * from pgtrail.event"
  if (!hasPsql) return copyOut(url, select, file, "format csv, header")
  const command = `\\copy (${select}) to '${file}' (format csv, header)`
  return (await run("psql", ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", command, url])).seconds
}

function exportAs(server: Server, url: string, format: string): { series: Series; peaks: number[] } {
  const peaks: number[] = []
  const out = join(server.dir, `export-${format}`)
  const argv = [pgtrail, "export", "create", "--format", format, "--out", out, "--quiet", "--url", url]
  return {
    peaks,
    series: series(async () => {
      const { seconds: taken, peak } = await run(process.execPath, argv)
      if (peak !== undefined) peaks.push(peak)
      await rm(out, { recursive: true })
      return taken
    }),
  }
}

/** Of one more export, once: it hashes every event anew, and is compared with nothing. */
async function check(server: Server, url: string): Promise<{ seconds: number; peak: number | undefined }> {
  const out = join(server.dir, "export-checked")
  await run(process.execPath, [pgtrail, "export", "create", "--out", out, "--quiet", "--url", url])
  const found = await run(process.execPath, [pgtrail, "export", "verify", out])
  await rm(out, { recursive: true })
  return found
}
