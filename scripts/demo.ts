// npm run demo: the main job in half a minute, on a real PostgreSQL that is gone afterwards.
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import pg from "pg"
import { run } from "../src/cli/run.js"
import { startEmbedded, stopEmbedded } from "../src/data/embedded/index.js"
import { demoEvents } from "./demo-events.js"

const { stdout } = process
// Each command listens for a reader that goes away.
stdout.setMaxListeners(0)
const say = (text: string) => stdout.write(`${text}\n`)
const step = (text: string) =>
  say(`\n${stdout.isTTY && !process.env.NO_COLOR ? `\u001b[1m${text}\u001b[22m` : text}`)

const started = Date.now()
const folder = await mkdtemp(join(tmpdir(), "pgtrail-demo-"))
// A folder of its own: as root the server runs as another user, who could not enter a private folder above it.
const dataDir = await mkdtemp(join(tmpdir(), "pgtrail-demo-"))
const interrupted = new AbortController()
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => interrupted.abort(signal))

/** Runs a command as it is typed, and checks that it ends as the story says. */
async function pgtrail(url: string, line: string, expected: number): Promise<void> {
  say(`\n$ pgtrail ${line}`)
  const exit = await run(line.split(" "), {
    stdin: process.stdin,
    stdout,
    stderr: stdout,
    stdinIsTTY: false,
    stdoutIsTTY: stdout.isTTY === true,
    stderrIsTTY: false,
    columns: stdout.columns,
    env: { ...process.env, PGTRAIL_URL: url },
    cwd: folder,
    signal: interrupted.signal,
  })
  if (interrupted.signal.aborted) throw interrupted.signal.reason
  if (exit !== 0) say(`(exit code ${exit})`)
  if (exit !== expected) throw new Error(`the demo expected exit code ${expected}`)
}

/** What a superuser who means it can do: every trigger is off. */
async function asSuperuser(client: pg.Client, sql: string): Promise<void> {
  await client.query("set session_replication_role = replica")
  await client.query(sql)
  await client.query("set session_replication_role = origin")
}

try {
  step("A real PostgreSQL, from npm, in a temporary folder")
  const server = await startEmbedded({ dataDir, fast: true })
  say(`PostgreSQL ${server.version}, on a Unix socket only`)
  await writeFile(join(folder, "events.ndjson"), `${[...demoEvents(3000, new Date())].join("\n")}\n`)

  step("Install the log, and import 3,000 events of three organizations and ninety days")
  await pgtrail(server.url, "install", 0)
  await pgtrail(server.url, "import file events.ndjson", 0)

  step("Ask it something: who was denied what, lately?")
  await pgtrail(
    server.url,
    "query --outcome denied --limit 5 --fields occurred_at,organization_id,actor_id,event_type,resource_id",
    0,
  )

  step("Verify it: every hash computed anew, every chain followed from genesis to head")
  await pgtrail(server.url, "verify", 0)

  step("Now somebody with superuser rights switches the triggers off, and changes history")
  const client = new pg.Client({ connectionString: server.url })
  await client.connect()
  await client.query("create table kept as select * from pgtrail.event where false")
  const keep = (where: string) => `insert into kept select * from pgtrail.event where ${where};`
  const altered = "organization_id = 'acme-bank' and lane = 0 and seq = 42"
  const deleted = "organization_id = 'globex-health' and lane = 0 and seq = 100"
  const tail =
    "organization_id = 'initech-cloud' and lane = 0 and seq > (select max(seq) - 5 from pgtrail.event where organization_id = 'initech-cloud' and lane = 0)"
  await asSuperuser(
    client,
    `${keep(altered)} update pgtrail.event set actor_name = 'Somebody Else' where ${altered};`,
  )
  say("- the name of one actor is replaced in acme-bank")
  await asSuperuser(client, `${keep(deleted)} delete from pgtrail.event where ${deleted};`)
  say("- one event is deleted in globex-health")
  await asSuperuser(client, `${keep(tail)} delete from pgtrail.event where ${tail};`)
  say("- the last five events are cut off in initech-cloud")
  await pgtrail(server.url, "verify", 1)
  await pgtrail(server.url, "show acme-bank/0/42", 1)

  step("Put the original rows back: the log is what it was")
  await asSuperuser(
    client,
    `delete from pgtrail.event where ${altered}; insert into pgtrail.event select * from kept; drop table kept;`,
  )
  await client.end()
  await pgtrail(server.url, "verify", 0)

  step(`That was the demo, in ${((Date.now() - started) / 1000).toFixed(0)} seconds. Try it yourself:`)
  say("  node bin/pgtrail.js --help")
  say("  node bin/pgtrail.js --url embedded: install")
  say(`  echo '{"event_type":"auth.login","actor_id":"ada"}' | node bin/pgtrail.js --url embedded: append`)
  say("  node bin/pgtrail.js --url embedded: verify")
  say("  node bin/pgtrail.js embedded stop")
} catch (error) {
  if (!interrupted.signal.aborted) {
    process.stderr.write(`the demo failed: ${error instanceof Error ? error.message : String(error)}\n`)
    const hint = error instanceof Error && "hint" in error ? error.hint : undefined
    if (typeof hint === "string") process.stderr.write(`hint: ${hint}\n`)
  }
  process.exitCode = interrupted.signal.aborted ? 130 : 1
} finally {
  await stopEmbedded({ dataDir }).catch(() => undefined)
  for (const gone of [folder, dataDir]) await rm(gone, { recursive: true, force: true })
}
