// The server that is measured: an embedded one in a folder of its own, or the one of --url with scratch databases.
import { chmod, mkdtemp, rm } from "node:fs/promises"
import { join } from "node:path"
import process from "node:process"
import pg from "pg"
import { open } from "../src/data/index.js"
import { urlOfDatabase } from "../test/url.js"
import { firstMonth, lastMonth } from "./events.js"
import { createTwin } from "./twin.js"

/** What a small dedicated server would have; durable, because a commit that does not wait for the disk is measured apart. */
export const settings = {
  shared_buffers: "512MB",
  max_wal_size: "4GB",
  checkpoint_timeout: "30min",
  maintenance_work_mem: "256MB",
  max_connections: "100",
  fsync: "on",
  synchronous_commit: "on",
  full_page_writes: "on",
  log_min_messages: "fatal",
} as const

export interface Server {
  readonly version: string
  readonly major: number
  readonly settings: readonly { readonly name: string; readonly value: string }[]
  /** Of the main process of an embedded server. */
  readonly pid: number | undefined
  /** Where files may be put; removed at the end. */
  readonly dir: string
  /** A new database with an empty log of 24 months and its twin without trigger. Returns its URL. */
  logDatabase(name: string): Promise<string>
  drop(name: string): Promise<void>
  /** Removes all that was made. */
  close(): Promise<void>
}

export async function startServer(options: { url: string | undefined; dir: string }): Promise<Server> {
  const dir = await mkdtemp(join(options.dir, "pgtrail-bench-"))
  // For root the embedded server is another user, who must pass through.
  await chmod(dir, 0o711)
  const own = options.url === undefined ? await embeddedServer(dir) : undefined
  const url = own?.url ?? options.url ?? ""
  const prefix = `pgtrail_bench_${process.pid}_`
  const made = new Set<string>()
  const [about] = await query(url, "select current_setting('server_version') as version")
  const shown = await query(
    url,
    "select name, current_setting(name) as value from pg_settings where name = any (string_to_array($1, ',')) order by name",
    [Object.keys(settings).join(",")],
  )
  const version = about?.version ?? ""
  const remove = async (name: string) => {
    await query(url, `drop database if exists "${prefix}${name}" with (force)`)
    made.delete(name)
  }
  const create = async (name: string, source: string) => {
    await query(url, `create database "${prefix}${name}" template ${source}`)
    made.add(name)
    return urlOfDatabase(url, `${prefix}${name}`)
  }
  return {
    version,
    major: Number.parseInt(version, 10),
    pid: own?.pid,
    settings: shown.flatMap(({ name, value }) => (name && value ? [{ name, value }] : [])),
    dir,
    async logDatabase(name) {
      if (!made.has("template")) {
        const template = await create("template", "template0 encoding 'UTF8' lc_collate 'C' lc_ctype 'C'")
        const trail = await open({ connectionString: template, applicationName: "pgtrail bench" })
        await trail.install()
        await trail.close()
        await query(template, "select pgtrail.create_months($1, $2)", [firstMonth, lastMonth])
        await createTwin(template)
      }
      return create(name, `"${prefix}template"`)
    },
    drop: remove,
    async close() {
      if (own === undefined) for (const name of made) await remove(name)
      await own?.stop()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

async function embeddedServer(dir: string): Promise<{ url: string; pid: number; stop(): Promise<void> }> {
  const { startEmbedded, stopEmbedded } = await import("../src/data/embedded/index.js")
  const dataDir = join(dir, "server")
  const { url, pid } = await startEmbedded({ dataDir, settings })
  return {
    url,
    pid,
    async stop() {
      await stopEmbedded({ dataDir })
    },
  }
}

export type TextRow = Record<string, string | null>
const asText = { getTypeParser: () => (value: string) => value }

export async function withClient<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, application_name: "pgtrail bench", types: asText })
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}

/** One statement in a session of its own; values are text. */
export function query(url: string, sql: string, values: readonly unknown[] = []): Promise<TextRow[]> {
  return withClient(url, async (client) => (await client.query<TextRow>(sql, [...values])).rows)
}

/** So that the pages one measurement left dirty are not written during the next. */
export async function settle(url: string): Promise<void> {
  await query(url, "checkpoint")
}
