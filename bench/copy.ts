// COPY by psql where it is installed, else through the socket: the baseline of import and verify, and the way to load rows.
import { createReadStream, createWriteStream } from "node:fs"
import { performance } from "node:perf_hooks"
import { pipeline } from "node:stream/promises"
import { from, to } from "pg-copy-streams"
import { run, version } from "./process.js"
import { withClient } from "./server.js"

export const hasPsql = version("psql") !== undefined

/** Seconds to send a file of COPY's text form into `table`, which may end with a list of columns. */
export async function copyIn(url: string, table: string, file: string): Promise<number> {
  const sql = `copy ${table} from stdin`
  if (hasPsql) return (await run("psql", [...psqlFlags, "-c", sql, url], { stdin: file })).seconds
  return timed(() =>
    withClient(url, async (client) => pipeline(createReadStream(file), client.query(from(sql)))),
  )
}

/** Seconds to read `select` whole and throw it away, or keep it in a file. */
export async function copyOut(
  url: string,
  select: string,
  file = "/dev/null",
  form = "format text",
): Promise<number> {
  const sql = `copy (${select}) to stdout (${form})`
  if (hasPsql) {
    const out = file === "/dev/null" ? [] : ["-o", file]
    return (await run("psql", [...psqlFlags, ...out, "-c", sql, url])).seconds
  }
  return timed(() =>
    withClient(url, async (client) => pipeline(client.query(to(sql)), createWriteStream(file))),
  )
}

const psqlFlags = ["-X", "-q", "-v", "ON_ERROR_STOP=1"]

export async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return (performance.now() - started) / 1000
}
