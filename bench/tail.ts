// How far pgtrail tail -f is behind twenty writers, and what it costs while nothing happens.
import { spawn } from "node:child_process"
import { readFile } from "node:fs/promises"
import process from "node:process"
import { createInterface } from "node:readline"
import { setTimeout as sleep } from "node:timers/promises"
import { drive } from "./clients.js"
import { insert } from "./commit.js"
import { absolute, type Figure, seconds } from "./measure.js"
import { pgtrail } from "./process.js"
import { query, type Server } from "./server.js"

const writers = 20
const warmUpMs = 2000

export async function measureTail(
  server: Server,
  options: { readonly seconds: number },
  say: (text: string) => void,
): Promise<Figure[]> {
  const url = await server.logDatabase("tail")
  await query(
    url,
    "insert into pgtrail.event (organization_id, event_type) select 'o' || i % 50, 'a' from generate_series(1, 1000) i",
  )
  const figures: Figure[] = []
  for (const lanes of [50, 1000]) {
    if (lanes > 50) await makeLanes(url, lanes)
    say(`tail -f, idle, ${lanes} lanes`)
    const idle = await measureIdle(url, Math.max(10, options.seconds))
    if (idle === undefined) continue
    figures.push(absolute(`tail -f idle, ${lanes} lanes, client and server`, idle, percent, { must: 1 }))
  }
  say(`tail -f, ${writers} writers`)
  const lags = await measureLag(server, url, Math.max(5, options.seconds))
  const at = (share: number) => lags[Math.min(lags.length - 1, Math.floor(lags.length * share))] ?? Number.NaN
  figures.push(
    absolute(
      `tail -f behind ${writers} writers (${lags.length} events), half of the events`,
      at(0.5),
      seconds,
    ),
    absolute(`tail -f behind ${writers} writers, 99 of 100 events`, at(0.99), seconds, { must: 1 }),
    absolute(`tail -f behind ${writers} writers, the last of them`, at(1), seconds),
  )
  await server.drop("tail")
  return figures
}

const percent = (value: number): string => `${value.toFixed(2)} % of a core`

/** As many organizations as are missing, each with one lane. */
async function makeLanes(url: string, lanes: number): Promise<void> {
  await query(
    url,
    "insert into pgtrail.event (organization_id, event_type) select 'more' || i, 'a' from generate_series(51, $1::int) i",
    [String(lanes)],
  )
}

function follow(url: string, argv: readonly string[] = []) {
  return spawn(process.execPath, [pgtrail, "tail", "-f", "-n", "0", "--url", url, ...argv], {
    stdio: ["ignore", "pipe", "inherit"],
  })
}

/** In hundredths of a core; undefined where /proc does not tell, or the server is elsewhere. */
async function measureIdle(url: string, lastsSeconds: number): Promise<number | undefined> {
  const tail = follow(url)
  try {
    await sleep(warmUpMs)
    const [backend] = await query(
      url,
      "select pid from pg_stat_activity where query like '%as mark' and pid <> pg_backend_pid()",
    )
    const used = async () => {
      const [client, server] = await Promise.all([cpuOf(tail.pid), cpuOf(Number(backend?.pid))])
      return client === undefined || server === undefined ? undefined : client + server
    }
    const before = await used()
    await sleep(lastsSeconds * 1000)
    const after = await used()
    return before === undefined || after === undefined ? undefined : ((after - before) / lastsSeconds) * 100
  } finally {
    tail.kill("SIGKILL")
  }
}

async function cpuOf(pid: number | undefined): Promise<number | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "")
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  const [user, system] = [fields[11], fields[12]]
  return user === undefined || system === undefined ? undefined : (Number(user) + Number(system)) / 100
}

/** Seconds between the recording of each event and its line, ascending. Both clocks are this machine's. */
async function measureLag(server: Server, url: string, lastsSeconds: number): Promise<number[]> {
  const tail = follow(url, ["--format", "ndjson", "--fields", "recorded_at"])
  const lags: number[] = []
  createInterface({ input: tail.stdout }).on("line", (line) => {
    const [time = ""] = /\d{4}-[^"]*/.exec(line) ?? []
    // Six digits of a second, of which Date keeps three.
    lags.push((Date.now() - Date.parse(time)) / 1000)
  })
  try {
    await sleep(warmUpMs)
    const load = {
      sql: insert("pgtrail.event", server.major),
      clients: writers,
      seconds: lastsSeconds,
      synchronous: "off",
    }
    await drive(url, load)
    await sleep(warmUpMs)
    return lags.sort((a, b) => a - b)
  } finally {
    tail.kill("SIGKILL")
  }
}
