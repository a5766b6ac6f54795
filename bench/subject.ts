// A tenth of all events, at most 100,000, are of one person: to find them, to give them to him against psql's \copy of the same rows and columns, and to erase him
// against a plain UPDATE of the same columns and rows; once where the actor's columns alone have him, and once where text and JSON do too.
import { rm } from "node:fs/promises"
import { join } from "node:path"
import process from "node:process"
import { subjectColumns } from "../src/data/subject/export-rows.js"
import { urlOfDatabase } from "../test/url.js"
import { copyIn, copyOut, hasPsql } from "./copy.js"
import { measureCpu } from "./cpu.js"
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
import { untilAlone } from "./verify.js"

const mostEvents = 100_000
const subject = "subject-1"
const whose = `actor_id = '${subject}'`

/** What an event of the person has, and what is there after he was erased. */
type Told = Readonly<Record<string, readonly [said: string, erased: string]>>

const marker = `'"[erased]"'`
const inIdentity: Told = {
  actor_id: [`'${subject}'`, "null"],
  actor_email: ["'subject@example.org'", "null"],
}
const inText: Told = {
  ...inIdentity,
  description: [`'Document ' || resource_id || ' was read by ${subject}'`, "'[erased]'"],
  error_message: ["'permission denied for subject@example.org on document'", "'[erased]'"],
  request_params: [
    `jsonb_build_object('path', '/documents/' || resource_id, 'limit', 100, 'as', '${subject}')`,
    `jsonb_set(request_params, '{as}', ${marker})`,
  ],
  details: [
    `details || '{"user": "${subject}", "session": {"mail": "subject@example.org", "roles": ["a", "b"]}}'`,
    `jsonb_set(jsonb_set(details, '{user}', ${marker}), '{session,mail}', ${marker})`,
  ],
}

export async function measureSubject(
  server: Server,
  { events, rounds }: { events: number; rounds: number },
  say: (text: string) => void,
): Promise<Figure[]> {
  say("subject")
  const url = await server.logDatabase("subject")
  await load(server, url, events, inIdentity)
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
  const erased = await measureErasure(server, url, inIdentity, rounds)
  await server.drop("subject")
  say("subject, in text and JSON too")
  const told = await server.logDatabase("subject_told")
  await load(server, told, events, inText)
  const erasedText = await measureErasure(server, told, inText, rounds)
  await server.drop("subject_told")
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
    ...erasureFigures("subject, gdpr erase", erased, judged),
    ...erasureFigures("subject, gdpr erase, text and JSON too", erasedText, judged),
  ]
}

interface Measured {
  readonly wall: Series
  /** Of client and server together; empty where /proc does not tell. */
  readonly cpu: Series
}

interface Erasure {
  readonly erase: Measured
  readonly update: Measured
}

async function measureErasure(server: Server, url: string, told: Told, rounds: number): Promise<Erasure> {
  const erase = redaction(server, url, "erase", told)
  const update = redaction(server, url, "update", told)
  await takeTurns(rounds, [update.wall, erase.wall])
  return { erase, update }
}

const erasureFigures = (what: string, { erase, update }: Erasure, judged: boolean): Figure[] => [
  compare(what, erase.wall, update.wall, seconds, { must: 3, goal: 2, judged }),
  ...(erase.cpu.values.length === 0
    ? []
    : [compare(`${what}, processor time`, erase.cpu, update.cpu, seconds)]),
]

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

async function load(server: Server, url: string, events: number, told: Told): Promise<void> {
  const file = join(server.dir, "subject.copy")
  await writeCopy(file, events, arrivals[0])
  await query(
    url,
    `create unlogged table public.loading as select ${columns.join(", ")} from pgtrail.event where false`,
  )
  await copyIn(url, `public.loading (${columns.join(", ")})`, file)
  await rm(file)
  const every = Math.max(10, Math.ceil(events / mostEvents))
  const filled = [...new Set([...columns, ...Object.keys(told)])]
  const values = filled.map((column) => {
    const before = columns.some((one) => one === column) ? column : "null"
    const now = told[column]?.[0]
    return now === undefined ? column : `case when n % ${every} = 0 then ${now} else ${before} end`
  })
  await query(
    url,
    `insert into pgtrail.event (${filled.join(", ")}) select ${values.join(", ")}
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
function redaction(server: Server, url: string, how: "erase" | "update", told: Told): Measured {
  // A socket's URL has no host, which URL does not read.
  const database = /\/([^/?]+)(?:\?|$)/.exec(url)?.[1] ?? ""
  const [admin, name] = [urlOfDatabase(url, "postgres"), `${database}_${how}`]
  const cpu = series(() => Promise.resolve(Number.NaN))
  const wall = series(async () => {
    await query(admin, `create database "${name}" template "${database}"`)
    try {
      const copied = urlOfDatabase(url, name)
      await settle(copied)
      const work = how === "update" ? () => updated(copied, told) : () => erasedBy(copied)
      const found = await measureCpu(server.pid, work, () => untilAlone(copied))
      if (found.cpu !== undefined) cpu.values.push(found.cpu.client + found.cpu.server)
      return found.result
    } finally {
      await query(admin, `drop database if exists "${name}" with (force)`)
    }
  })
  return { wall, cpu }
}

async function erasedBy(url: string): Promise<number> {
  const flags = ["--reason", "bench", "--requested-by", "bench", "--confirm", subject, "--no-archives"]
  return (await run(process.execPath, gdpr("erase", url, ...flags), { accept: [0, 4] })).seconds
}

/** Around the guards, which only a superuser can. */
async function updated(url: string, told: Told): Promise<number> {
  const content = Object.entries(told).filter(([column]) => !(column in inIdentity))
  const sets = [
    "actor_id = null, actor_name = null, actor_email = null, ip_address = null, user_agent = null, session_id = null, device_id = null",
    "identity_salt = gen_random_uuid(), identity_digest = hash",
    ...content.map(([column, [, erased]]) => `${column} = ${erased}`),
    ...(content.length === 0 ? [] : ["content_salt = gen_random_uuid(), content_digest = hash"]),
  ]
  const started = process.hrtime.bigint()
  await query(
    url,
    `set session_replication_role = replica; update pgtrail.event set ${sets.join(", ")} where ${whose}`,
  )
  return Number(process.hrtime.bigint() - started) / 1e9
}
