// A tenth of all events, at most 100,000, are of one person: to find them, to give them to him against psql's \copy of the same rows and columns, and to erase him
// against a plain UPDATE of the same columns and rows.
import { rm } from "node:fs/promises"
import { join } from "node:path"
import process from "node:process"
import { subjectColumns } from "../src/data/subject/export-rows.js"
import { urlOfDatabase } from "../test/url.js"
import { copyIn, copyOut, hasPsql } from "./copy.js"
import { arrivals, columns, writeCopy } from "./events.js"
import {
  absolute,
  compare,
  type Figure,
  fair,
  median,
  megabytes,
  type Series,
  seconds,
  series,
  takeTurns,
  thousands,
} from "./measure.js"
import { pgtrail, run } from "./process.js"
import { query, type Server, settle } from "./server.js"

const mostEvents = 100_000
const subject = "subject-1"
const whose = `actor_id = '${subject}'`

export async function measureSubject(
  server: Server,
  { events, rounds }: { events: number; rounds: number },
  say: (text: string) => void,
): Promise<Figure[]> {
  say("subject")
  const url = await server.logDatabase("subject")
  await load(server, url, events)
  const judged = events >= fair
  const file = join(server.dir, "subject.csv")
  const copy = series(() => copyCsv(url, file))
  // The first reading is for the caches.
  await copyCsv(url, file)
  const find = series(async () => (await run(process.execPath, gdpr("find", url, "--no-archives"))).seconds)
  const given = exportCsv(server, url)
  await takeTurns(rounds, [copy, given.series, find])
  await rm(file, { force: true })
  const [count] = await query(url, `select count(*) as events from pgtrail.event where ${whose}`)
  const erase = redaction(url, "erase")
  const update = redaction(url, "update")
  await takeTurns(rounds, [update, erase])
  await server.drop("subject")
  return [
    absolute("subject, events of the person", Number(count?.events), thousands),
    absolute("subject, gdpr find", median(find.values), seconds),
    compare("subject, gdpr export, csv", given.series, copy, seconds, { must: 1.3, goal: 1, judged }),
    ...(given.peaks.length === 0
      ? []
      : [
          absolute("subject, gdpr export, csv, most memory", Math.max(...given.peaks), megabytes, {
            must: 150,
          }),
        ]),
    compare("subject, gdpr erase", erase, update, seconds, { must: 3, goal: 2, judged }),
  ]
}

const gdpr = (verb: string, url: string, ...flags: readonly string[]): string[] => [
  pgtrail,
  "gdpr",
  verb,
  subject,
  ...flags,
  "--quiet",
  "--url",
  url,
]

async function load(server: Server, url: string, events: number): Promise<void> {
  const file = join(server.dir, "subject.copy")
  await writeCopy(file, events, arrivals[0])
  await query(
    url,
    `create unlogged table public.loading as select ${columns.join(", ")} from pgtrail.event where false`,
  )
  await copyIn(url, `public.loading (${columns.join(", ")})`, file)
  await rm(file)
  const every = Math.max(10, Math.ceil(events / mostEvents))
  const person: Readonly<Record<string, string>> = {
    actor_id: `'${subject}'`,
    actor_email: "'subject@example.org'",
  }
  const values = columns.map((column) => {
    const now = person[column]
    return now === undefined ? column : `case when n % ${every} = 0 then ${now} else ${column} end`
  })
  await query(
    url,
    `insert into pgtrail.event (${columns.join(", ")}) select ${values.join(", ")}
     from (select *, row_number() over (order by occurred_at) as n from public.loading) l order by occurred_at`,
  )
  await query(url, "drop table public.loading")
  await query(url, "vacuum (freeze, analyze) pgtrail.event")
  await settle(url)
}

/** What is raw on both sides: the columns of the export, in no order. */
async function copyCsv(url: string, file: string): Promise<number> {
  const select = `select ${subjectColumns.slice(1).join(", ")} from pgtrail.event where ${whose}`
  if (!hasPsql) return copyOut(url, select, file, "format csv, header")
  const command = `\\copy (${select}) to '${file}' (format csv, header)`
  return (await run("psql", ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", command, url])).seconds
}

function exportCsv(server: Server, url: string): { series: Series; peaks: number[] } {
  const peaks: number[] = []
  const out = join(server.dir, "subject-export")
  return {
    peaks,
    series: series(async () => {
      const { seconds: taken, peak } = await run(process.execPath, gdpr("export", url, "--out", out))
      if (peak !== undefined) peaks.push(peak)
      await rm(out, { recursive: true })
      return taken
    }),
  }
}

/** Each on a copy of the log of its own, because it can be done once. */
function redaction(url: string, how: "erase" | "update"): Series {
  // A socket's URL has no host, which URL does not read.
  const database = /\/([^/?]+)(?:\?|$)/.exec(url)?.[1] ?? ""
  const [admin, name] = [urlOfDatabase(url, "postgres"), `${database}_${how}`]
  return series(async () => {
    await query(admin, `create database "${name}" template "${database}"`)
    try {
      const copied = urlOfDatabase(url, name)
      await settle(copied)
      if (how === "update") return await updated(copied)
      const flags = ["--reason", "bench", "--requested-by", "bench", "--confirm", subject, "--no-archives"]
      return (await run(process.execPath, gdpr("erase", copied, ...flags), { accept: [0, 4] })).seconds
    } finally {
      await query(admin, `drop database if exists "${name}" with (force)`)
    }
  })
}

/** Around the guards, which only a superuser can. */
async function updated(url: string): Promise<number> {
  const started = process.hrtime.bigint()
  await query(
    url,
    `set session_replication_role = replica; update pgtrail.event set actor_id = null, actor_name = null, actor_email = null, ip_address = null,
      user_agent = null, session_id = null, device_id = null, identity_salt = gen_random_uuid(), identity_digest = hash where ${whose}`,
  )
  return Number(process.hrtime.bigint() - started) / 1e9
}
