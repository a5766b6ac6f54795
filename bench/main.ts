// npm run bench: what the trail costs, as ratios against the same work without it, all in one run on one machine.
import { loadavg, totalmem } from "node:os"
import process from "node:process"
import { measureArchives } from "./archive.js"
import { measureBackups } from "./backup.js"
import { hasPgbench, measureCommits } from "./commit.js"
import { hasPsql } from "./copy.js"
import { arrivals } from "./events.js"
import { measureExport } from "./export.js"
import { measureImport } from "./import.js"
import { measureLifecycle } from "./lifecycle.js"
import { type Figure, fair } from "./measure.js"
import { type Part, processors, readOptions, usage } from "./options.js"
import { measureProfile } from "./profile.js"
import { measureQueries } from "./query.js"
import { type BenchReport, table } from "./report.js"
import { startServer } from "./server.js"
import { measureStart } from "./start.js"
import { measureSubject } from "./subject.js"
import { measureTail } from "./tail.js"
import { measureVerify } from "./verify.js"

process.exitCode = await main(process.argv.slice(2))

async function main(args: string[]): Promise<number> {
  let options: ReturnType<typeof readOptions>
  try {
    options = readOptions(args)
  } catch (error) {
    process.stderr.write(`bench: error: ${error instanceof Error ? error.message : error}\n`)
    return 2
  }
  if (options === undefined) {
    process.stdout.write(usage)
    return 0
  }
  const say = (text: string) => process.stderr.write(`bench: ${text}\n`)
  const loadBefore = load()
  const server = await startServer(options)
  for (const [signal, exit] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    process.once(signal, () => void server.close().finally(() => process.exit(exit)))
  }
  const figures: Figure[] = []
  const notes: string[] = []
  try {
    const { only } = options
    if (only.has("start")) figures.push(...(await measureStart(server, say)))
    if (only.has("tail")) figures.push(...(await measureTail(server, options, say)))
    if (only.has("commit")) figures.push(...(await measureCommits(server, options, say)))
    if (only.has("import")) figures.push(...(await measureImport(server, options, say)))
    const [inOrder, atRandom] = arrivals
    if (only.has("verify")) {
      figures.push(...(await measureVerify(server, { ...options, arrival: inOrder }, say)))
    }
    if (only.has("verify-random")) {
      figures.push(...(await measureVerify(server, { ...options, arrival: atRandom }, say)))
    }
    if (only.has("query")) {
      const found = await measureQueries(server, options, say)
      figures.push(...found.figures)
      notes.push(...found.notes)
    }
    if (only.has("lifecycle")) figures.push(...(await measureLifecycle(server, options, say)))
    if (only.has("archive")) figures.push(...(await measureArchives(server, options, say)))
    if (only.has("backup")) figures.push(...(await measureBackups(server, options, say)))
    if (only.has("export")) figures.push(...(await measureExport(server, options, say)))
    if (only.has("subject")) figures.push(...(await measureSubject(server, options, say)))
    if (only.has("profile")) figures.push(...(await measureProfile(server, options, say)))
    const judged: readonly Part[] = [
      "verify",
      "verify-random",
      "import",
      "export",
      "lifecycle",
      "archive",
      "backup",
      "subject",
    ]
    if (options.events < fair && judged.some((part) => only.has(part))) {
      notes.push(
        `verify, import, export, lifecycle, archive, backup and subject are judged from ${fair.toLocaleString("en")} events on: --events 1000000`,
      )
    }
    if (!hasPgbench) notes.push("pgbench is not installed: clients of node-postgres took its place")
    if (!hasPsql) notes.push("psql is not installed: COPY went through node-postgres, which is slower")
  } finally {
    await server.close()
  }
  const report: BenchReport = {
    schema: "pgtrail.bench/1",
    events: options.events,
    rounds: options.rounds,
    machine: [
      {
        name: "machine",
        value: `${processors()}, ${Math.round(totalmem() / 2 ** 30)} GiB, node ${process.versions.node}`,
      },
      { name: "load average", value: `${loadBefore} before, ${load()} after` },
      {
        name: "server",
        value: `PostgreSQL ${server.version}; ${server.settings.map((s) => `${s.name} ${s.value}`).join(", ")}`,
      },
    ],
    figures,
    notes,
  }
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : table(report))
  return options.check && figures.some((figure) => figure.ok === false) ? 1 : 0
}

function load(): string {
  return (loadavg()[0] ?? 0).toFixed(1)
}
