// Backups: create against pg_dump of the same database at the same compression, and an incremental one after it.
import { mkdir, readdir, rm } from "node:fs/promises"
import { join } from "node:path"
import process from "node:process"
import { measureRestores } from "./backup-restore.js"
import { measureCpu } from "./cpu.js"
import { monthOf, monthOfEvents } from "./lifecycle.js"
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
import { pgtrail, run, version } from "./process.js"
import { query, type Server, settle } from "./server.js"
import { untilAlone } from "./verify.js"

const level = 6
const jobs = 2
/** Of about the same size: the partitions that both sides share out. */
const months = 4

interface Measured extends Series {
  /** Microseconds of processor time an event, client and server together. */
  readonly cpu: number[]
  readonly peaks: number[]
}

export async function measureBackups(
  server: Server,
  { events, rounds }: { events: number; rounds: number },
  say: (text: string) => void,
): Promise<Figure[]> {
  say("backup")
  const url = await server.logDatabase("backup")
  for (let month = 0; month < months; month++) {
    await query(url, monthOfEvents, [`${monthOf(month)}-01T00:00:00Z`, Math.ceil(events / months)])
  }
  await query(url, "vacuum (freeze, analyze) pgtrail.event")
  await settle(url)
  const place = join(server.dir, "backups")
  const isDump = canDump(server.version)
  const create = (incremental: boolean) => (to: string) =>
    run(process.execPath, [
      pgtrail,
      ...["backup", "create", "--to", to, "--jobs", String(jobs), "--level", String(level), "--quiet"],
      ...(incremental ? ["--incremental"] : []),
      ...["--url", url],
    ])
  const given = { server, url, place, events }
  const ours = measured(given, create(false))
  const dump = measured(given, isDump ? (to) => pgDump(url, to) : (to) => copyGzip(url, to))
  // The first reading is for the caches.
  await ours.measure(0)
  await takeTurns(rounds, [ours, dump])
  for (const one of [ours, dump]) one.cpu.splice(rounds)
  await mkdir(place)
  await create(false)(place)
  const again = await create(true)(place)
  const restores = isDump ? await restored({ ...given, rounds }) : []
  await rm(place, { recursive: true })
  await server.drop("backup")
  const judged = events >= fair
  const baseline = isDump
    ? `pg_dump -Fd -j ${jobs} -Z ${level}`
    : `psql's \\copy to gzip -${level}, two at once`
  return [
    compare(`backup create --jobs ${jobs}, against ${baseline}`, ours, dump, seconds, {
      must: 1.2,
      goal: 1,
      judged,
    }),
    ...(ours.cpu.length === 0
      ? []
      : [
          compare(
            "the same, processor time an event, client and server",
            { ...ours, values: ours.cpu },
            { ...dump, values: dump.cpu },
            microseconds,
          ),
        ]),
    ...(ours.peaks.length === 0
      ? []
      : [absolute("backup create, most memory", Math.max(...ours.peaks), megabytes, { must: 200 })]),
    absolute("backup create --incremental, nothing changed", again.seconds, seconds),
    absolute("backup create, events a second", events / median(ours.values), (value) =>
      Math.round(value).toLocaleString("en"),
    ),
    ...restores,
  ]
}

async function restored(given: Omit<Parameters<typeof measureRestores>[0], "dump">): Promise<Figure[]> {
  const folder = join(given.server.dir, "dump")
  await mkdir(folder)
  await pgDump(given.url, folder)
  return measureRestores({ ...given, dump: join(folder, "dump") })
}

function measured(
  { server, url, place, events }: { server: Server; url: string; place: string; events: number },
  work: (to: string) => ReturnType<typeof run>,
): Measured {
  const cpu: number[] = []
  const peaks: number[] = []
  const measure = async (): Promise<number> => {
    await mkdir(place)
    const found = await measureCpu(
      server.pid,
      () => work(place),
      () => untilAlone(url),
    )
    if (found.cpu !== undefined) cpu.push(((found.cpu.client + found.cpu.server) / events) * 1e6)
    if (found.result.peak !== undefined) peaks.push(found.result.peak)
    if ((await readdir(place)).length === 0) throw new Error("nothing was written")
    await rm(place, { recursive: true })
    return found.result.seconds
  }
  return { ...series(measure), cpu, peaks }
}

/** Of a later server than itself pg_dump dumps nothing. */
function canDump(server: string): boolean {
  const [, major] = /\(PostgreSQL\) (\d+)/.exec(version("pg_dump") ?? "") ?? []
  return major !== undefined && Number(major) >= Number.parseInt(server, 10)
}

const pgDump = (url: string, place: string): ReturnType<typeof run> =>
  run("pg_dump", ["-Fd", "-j", String(jobs), "-Z", String(level), "-f", join(place, "dump"), url])

/** The partitions alone, in its place: psql and gzip at once, as often as there are jobs. */
const copyGzip = (url: string, place: string): ReturnType<typeof run> => {
  const names = Array.from({ length: months }, (_, month) => `event_${monthOf(month).replace("-", "_")}`)
  const copy = (name: string): string =>
    `psql -X -q -v ON_ERROR_STOP=1 -c '\\copy pgtrail.${name} to program '"'gzip -${level} > ${place}/${name}.gz'" '${url}'`
  const shares = Array.from({ length: jobs }, (_, job) => names.filter((_, at) => at % jobs === job))
  const script = shares.map((share) => `(${share.map((name) => copy(name)).join(" && ")}) &`).join("\n")
  return run("sh", ["-c", `${script}\nwait`])
}
