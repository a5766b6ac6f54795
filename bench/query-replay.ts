// The statements that the library asks, caught once and asked again on warm connections: by node-postgres, by psql, and by EXPLAIN.
import { readFile, writeFile } from "node:fs/promises"
import { performance } from "node:perf_hooks"
import pg from "pg"
import type { Trail } from "../src/data/index.js"
import { type Cells, readRows, rowMaker } from "../src/data/query/rows.js"
import { run } from "./process.js"

export interface Statement {
  readonly text: string
  readonly values: readonly unknown[]
  /** How many it has, where the library reads them without being told. */
  readonly columns?: number | undefined
  /** Whether the server keeps it for the connection. */
  readonly kept?: boolean | undefined
}

type Query = (this: pg.Client, ...args: unknown[]) => unknown

/** How a session is begun, and how it is given back to be used again: the connections that ask again are warm, and have but one user. */
const ofSession =
  /^(select case when pg_catalog\.pg_backend_pid|set session |select pg_catalog\.pg_advisory_unlock_all)/

/** What `work` asks of the server about the log. */
export async function caught(work: () => Promise<unknown>): Promise<Statement[]> {
  const statements: Statement[] = []
  const prototype = pg.Client.prototype as unknown as { query: Query }
  const { query } = prototype
  prototype.query = function (...args) {
    const [asked, given] = args
    const { text, values, columns, name } = (
      typeof asked === "string" ? { text: asked, values: given } : asked
    ) as Partial<Statement & { name: string }>
    if (text !== undefined && !ofSession.test(text)) {
      const kept = columns === undefined ? undefined : name !== undefined
      statements.push({ text, values: Array.isArray(values) ? values : [], columns, kept })
    }
    return query.apply(this, args)
  }
  try {
    await work()
  } finally {
    prototype.query = query
  }
  if (statements.length === 0) throw new Error("the library asked nothing that could be caught")
  return statements
}

/** Milliseconds of one run. */
export interface Time {
  readonly wall: number
  /** Processor time of the server's process, which other work on the machine changes little; undefined where the kernel does not tell. */
  readonly server: number | undefined
}

/** A statement that is kept is planned five times before its plan is: what a connection is asked first does not count. */
const warming = 10

/** How long each of several runs takes on one warm connection of the library. */
export async function byLibrary(trail: Trail, all: readonly (readonly Statement[])[]): Promise<Time[]> {
  const client = await trail.connect()
  try {
    const { rows } = await client.query<{ pid: string }>("select pg_backend_pid() as pid")
    const used = () => processorTime(rows[0]?.pid ?? "")
    const ask = async (statements: readonly Statement[]): Promise<void> => {
      for (const { text, values, columns, kept } of statements) {
        if (columns === undefined) await client.query(text, [...values])
        else (await readRows(client, text, values, columns, { kept })).rows.forEach(maker(columns))
      }
    }
    for (const statements of all.slice(0, warming)) await ask(statements)
    const times: Time[] = []
    for (const statements of all) {
      const before = await used()
      const started = performance.now()
      await ask(statements)
      const wall = performance.now() - started
      const after = await used()
      times.push({ wall, server: before === undefined || after === undefined ? undefined : after - before })
    }
    return times
  } finally {
    await client.end()
  }
}

const makers = new Map<number, (cells: Cells) => unknown>()

/** Rows become objects, as the library's readers get them. */
function maker(columns: number): (cells: Cells) => unknown {
  const known = makers.get(columns) ?? rowMaker(Array.from({ length: columns }, (_, at) => `column_${at}`))
  makers.set(columns, known)
  return known
}

/** Milliseconds; the first number of schedstat is in nanoseconds. */
async function processorTime(pid: string): Promise<number | undefined> {
  const [time] = (await readFile(`/proc/${pid}/schedstat`, "utf8").catch(() => "")).split(" ")
  return time === undefined || time === "" ? undefined : Number(time) / 1e6
}

/** The same by psql, as its \timing says it. */
export async function byPsql(
  url: string,
  all: readonly (readonly Statement[])[],
  file: string,
): Promise<number[]> {
  const lines = all.flatMap((statements) => ["\\qecho run", ...statements.map((one) => `${inlined(one)};`)])
  const head = [
    "set search_path = pg_catalog, pg_temp;",
    "set timezone = 'UTC';",
    "\\o /dev/null",
    "\\timing on",
  ]
  await writeFile(file, [...head, ...lines].join("\n").replaceAll("\\qecho run", "\\echo run"))
  const { stdout } = await run("psql", ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", file, url], {
    output: true,
  })
  return stdout
    .split(/^run$/m)
    .slice(1)
    .map((part) => [...part.matchAll(/^Time: ([\d.]+) ms/gm)].reduce((sum, [, ms]) => sum + Number(ms), 0))
}

function inlined({ text, values }: Statement): string {
  return text.replace(/\$(\d+)/g, (_, number) => literal(values[Number(number) - 1]))
}

function literal(value: unknown): string {
  if (value === null || value === undefined) return "null"
  const text = Array.isArray(value)
    ? `{${value.map((one) => (one === null ? "null" : `"${String(one).replace(/["\\]/g, "\\$&")}"`)).join(",")}}`
    : String(value)
  return `'${text.replaceAll("'", "''")}'`
}

export interface Explained {
  /** Of the statement that had the most nodes, from the top. */
  readonly shape: string
  readonly statements: number
  /** Of 8 KiB. */
  readonly buffers: number
  /** Partitions that one run scanned from end to end. */
  readonly sequential: number
}

export async function explained(trail: Trail, statements: readonly Statement[]): Promise<Explained> {
  const client = await trail.connect()
  const found = { shape: "", statements: 0, buffers: 0, sequential: 0 }
  try {
    // A session's first reading of the catalogs is not the page's.
    for (const { text, values } of statements) await client.query(text, [...values])
    for (const { text, values } of statements) {
      if (!/^\s*(select|with)\b/i.test(text)) {
        await client.query(text, [...values])
        continue
      }
      const { rows } = await client.query<{ "QUERY PLAN": string }>(
        `explain (analyze, buffers, timing off, costs off, summary off) ${text}`,
        [...values],
      )
      const lines = rows.map((row) => row["QUERY PLAN"])
      // The first line of buffers is the whole statement's.
      const buffers = lines.find((line) => /^\s*Buffers: /.test(line)) ?? ""
      found.statements += 1
      for (const [, blocks] of buffers.matchAll(/(?:hit|read)=(\d+)/g)) found.buffers += Number(blocks)
      const nodes = lines.flatMap(
        (line) =>
          /^\s*(?:->\s+)?([A-Z][\w ]*?)(?: using (\S+) on \S+| on (\S+)(?: \S+)?)? \(actual/
            .exec(line)
            ?.slice(1, 4)
            .filter(Boolean)
            .join(" ") ?? [],
      )
      found.sequential += nodes.filter((node) => /^(Parallel )?Seq Scan (pgtrail\.)?event_/.test(node)).length
      const shape = nodes.join(" < ")
      if (/ event_/.test(shape) && shape.length > found.shape.length) found.shape = shape
    }
    return found
  } finally {
    await client.end()
  }
}
