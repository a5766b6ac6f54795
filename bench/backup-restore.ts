// Backups: restore against pg_restore of a dump of the same database, each into an empty one.
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import process from "node:process"
import { urlOfDatabase } from "../test/url.js"
import { measureCpu } from "./cpu.js"
import {
  absolute,
  compare,
  type Figure,
  fair,
  median,
  megabytes,
  microseconds,
  seconds,
  series,
  takeTurns,
  thousands,
} from "./measure.js"
import { pgtrail, run } from "./process.js"
import { query, type Server } from "./server.js"
import { untilAlone } from "./verify.js"

const jobs = 2

interface Given {
  readonly server: Server
  /** Of the database that was backed up. */
  readonly url: string
  /** With one backup in it. */
  readonly place: string
  /** What pg_dump -Fd wrote. */
  readonly dump: string
  readonly events: number
  readonly rounds: number
}

/** Neither is vacuumed or analyzed by its program; only ours has frozen rows then. */
export async function measureRestores({
  server,
  url,
  place,
  dump,
  events,
  rounds,
}: Given): Promise<Figure[]> {
  const [name = ""] = (await readdir(place)).filter((entry) => entry.startsWith("backup-"))
  const target = `pgtrail_bench_${process.pid}_restored`
  const into = urlOfDatabase(url, target)
  const measured = (work: () => ReturnType<typeof run>) => {
    const cpu: number[] = []
    const peaks: number[] = []
    const measure = async (): Promise<number> => {
      await query(
        url,
        `create database "${target}" template template0 encoding 'UTF8' lc_collate 'C' lc_ctype 'C'`,
      )
      const found = await measureCpu(server.pid, work, () => untilAlone(into))
      if (found.cpu !== undefined) cpu.push(((found.cpu.client + found.cpu.server) / events) * 1e6)
      if (found.result.peak !== undefined) peaks.push(found.result.peak)
      await query(url, `drop database "${target}" with (force)`)
      return found.result.seconds
    }
    return { ...series(measure), cpu, peaks }
  }
  const theirs = measured(() => run("pg_restore", ["-j", String(jobs), "-d", into, dump]))
  const ours = measured(() =>
    run(process.execPath, [
      pgtrail,
      ...["backup", "restore", join(place, name), "--no-verify", "--jobs", String(jobs), "--quiet"],
      ...["--url", into],
    ]),
  )
  await takeTurns(rounds, [ours, theirs])
  return [
    compare(
      `backup restore --no-verify --jobs ${jobs}, against pg_restore -j ${jobs}`,
      ours,
      theirs,
      seconds,
      {
        must: 1.3,
        goal: 1,
        judged: events >= fair,
      },
    ),
    ...(ours.cpu.length === 0
      ? []
      : [
          compare(
            "the same, processor time an event, client and server",
            { ...ours, values: ours.cpu },
            { ...theirs, values: theirs.cpu },
            microseconds,
          ),
        ]),
    ...(ours.peaks.length === 0
      ? []
      : [absolute("backup restore, most memory", Math.max(...ours.peaks), megabytes, { must: 200 })]),
    absolute("backup restore, events a second", events / median(ours.values), thousands),
  ]
}
