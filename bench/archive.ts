// Archives: writing one against psql and gzip, checking it without a database against verifying the log, and bringing it back against COPY.
import { readdir, rm } from "node:fs/promises"
import { join } from "node:path"
import process from "node:process"
import { pathToFileURL } from "node:url"
import { to as copyTo } from "pg-copy-streams"
import { writeArchive } from "../src/data/archive/write.js"
import { openStore } from "../src/data/store/store.js"
import { copyIn, copyOut, hasPsql, timed } from "./copy.js"
import { measureCpu } from "./cpu.js"
import { monthOf, monthOfEvents, nameOf } from "./lifecycle.js"
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
} from "./measure.js"
import { pgtrail, run } from "./process.js"
import { query, type Server, settle, withClient } from "./server.js"
import { untilAlone } from "./verify.js"

const level = 6

/** A partition a round, of `events` events each. */
export async function measureArchives(
  server: Server,
  { events, rounds }: { events: number; rounds: number },
  say: (text: string) => void,
): Promise<Figure[]> {
  say("archive")
  const url = await server.logDatabase("archive")
  await query(url, "select pgtrail.set_setting('retention-grace', '0d')")
  for (let round = 0; round < rounds; round++) {
    await query(url, monthOfEvents, [`${monthOf(round)}-01T00:00:00Z`, events])
  }
  await query(url, "vacuum (freeze, analyze) pgtrail.event")
  await settle(url)
  const judged = events >= fair
  const written = series((round) => write(server, url, round))
  const copied = series((round) => copyGzip(server, url, nameOf(round)))
  // The first reading is for the caches.
  for (let round = 0; round < rounds; round++) await copyGzip(server, url, nameOf(round))
  if (hasPsql) await takeTurns(rounds, [written, copied])
  const live = await liveCpu(server, url, events * rounds)
  const created = await create(server, url, rounds)
  const checked = await check(server, events * rounds)
  const back = await restore(server, url, rounds)
  await server.drop("archive")
  return [
    ...(hasPsql
      ? [
          compare(`writing an archive, against psql's \\copy to gzip -${level}`, written, copied, seconds, {
            must: 1.3,
            judged,
          }),
        ]
      : []),
    absolute("archive create, writing, verifying and purging", median(created.values), seconds),
    ...memory("archive create, most memory", created.peaks),
    absolute("archive verify, processor time an event", checked.each, microseconds),
    ...(live === undefined
      ? []
      : [
          absolute("verify of the log, client and server, processor time an event", live, microseconds),
          absolute("archive verify, events a second a core, of those of verify", live / checked.each, ratio, {
            must: 0.5,
            better: "higher",
            judged,
          }),
        ]),
    ...memory("archive verify, most memory", checked.peaks),
    compare("archive restore, against COPY into the twin", back.ours, back.copy, seconds, {
      must: 1.5,
      judged,
    }),
    ...memory("archive restore, most memory", back.peaks),
  ]
}

const ratio = (value: number): string => value.toFixed(2)

const memory = (what: string, peaks: readonly number[]): Figure[] =>
  peaks.length === 0 ? [] : [absolute(what, Math.max(...peaks), megabytes, { must: 200 })]

const placeIn = (server: Server): string => join(server.dir, "archives")

/** By the library: reading, hashing, compressing, and reading back; nothing is purged. */
async function write(server: Server, url: string, round: number): Promise<number> {
  const store = await openStore(pathToFileURL(server.dir).href, {})
  const [log] = await query(url, "select log_id from pgtrail.log")
  const log_id = log?.log_id ?? ""
  const name = `bench-${round}`
  const taken = await withClient(url, async (client) => {
    await client.query("set timezone = 'UTC'")
    return timed(() =>
      writeArchive(
        store,
        client.query(copyTo(`copy (select * from only pgtrail.${nameOf(round)}) to stdout`)),
        {
          name,
          log_id,
          log_ids: [log_id],
          incarnation: "1",
          database: "bench",
          created_by: "bench",
          created_at: "",
          partition: { name: nameOf(round), since: null, until: null },
          organization: null,
          due: false,
          since: null,
          until: null,
        },
        { level },
      ),
    )
  })
  await rm(join(server.dir, name), { recursive: true })
  return taken
}

async function copyGzip(server: Server, url: string, name: string): Promise<number> {
  if (!hasPsql) return copyOut(url, `select * from only pgtrail.${name}`)
  const file = join(server.dir, "copy.gz")
  const command = `\\copy (select * from only pgtrail.${name}) to program 'gzip -${level} > ${file}'`
  const found = await run("psql", ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", command, url])
  await rm(file)
  return found.seconds
}

/** Microseconds an event of client and server together. */
async function liveCpu(server: Server, url: string, events: number): Promise<number | undefined> {
  const { cpu } = await measureCpu(
    server.pid,
    () => run(process.execPath, [pgtrail, "verify", "--jobs", "1", "--url", url]),
    () => untilAlone(url),
  )
  return cpu === undefined ? undefined : ((cpu.client + cpu.server) / events) * 1e6
}

async function create(
  server: Server,
  url: string,
  rounds: number,
): Promise<{ values: number[]; peaks: number[] }> {
  const values: number[] = []
  const peaks: number[] = []
  await run("mkdir", ["-p", placeIn(server)])
  for (let round = 0; round < rounds; round++) {
    const what = ["--partition", nameOf(round), "--to", placeIn(server), "--reason", "bench"]
    const found = await run(process.execPath, [pgtrail, "archive", "create", ...what, "--url", url])
    values.push(found.seconds)
    if (found.peak !== undefined) peaks.push(found.peak)
  }
  return { values, peaks }
}

/** All archives of the place by the command line. */
async function check(server: Server, events: number): Promise<{ each: number; peaks: number[] }> {
  const { result, cpu } = await measureCpu(
    server.pid,
    () => run(process.execPath, [pgtrail, "archive", "verify", placeIn(server)]),
    async () => undefined,
  )
  const used = cpu?.client ?? result.seconds
  return { each: (used / events) * 1e6, peaks: result.peak === undefined ? [] : [result.peak] }
}

async function restore(
  server: Server,
  url: string,
  rounds: number,
): Promise<{ ours: Series; copy: Series; peaks: number[] }> {
  const names = (await readdir(placeIn(server))).sort()
  const peaks: number[] = []
  const ours = series(async (round) => {
    const what = [names[round] ?? "", "--from", placeIn(server), "--reason", "bench"]
    const found = await run(process.execPath, [pgtrail, "archive", "restore", ...what, "--url", url])
    if (found.peak !== undefined) peaks.push(found.peak)
    return found.seconds
  })
  const file = join(server.dir, "restored.copy")
  const copy = series(async (round) => {
    const text = join(placeIn(server), names[round] ?? "", "events.copy.gz")
    await run("sh", ["-c", `gzip -dc '${text}' > '${file}'`])
    await query(url, "truncate plain.event")
    await settle(url)
    return copyIn(url, "plain.event", file)
  })
  await takeTurns(rounds, [copy, ours])
  return { ours, copy, peaks }
}
