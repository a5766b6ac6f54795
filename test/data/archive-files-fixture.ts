// Archives made by the library alone: events of a test's log as COPY text, a store in a folder, and what stands in a manifest.
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import type { Client } from "pg"
import { to as copyTo } from "pg-copy-streams"
import type { ArchiveCheck } from "../../src/data/archive/findings.js"
import type { ArchiveAbout } from "../../src/data/archive/manifest.js"
import { type WriteOptions, type WrittenArchive, writeArchive } from "../../src/data/archive/write.js"
import { openStore, type Store } from "../../src/data/store/store.js"
import { type TestDatabase, testDatabase } from "../database.js"

export const asCopy = "set datestyle = 'ISO, YMD'; set timezone = 'UTC'; set bytea_output = 'hex'"

/** COPY text of all columns; `rest` is what follows FROM pgtrail.event e. */
export async function copied(client: Client, rest = ""): Promise<Buffer> {
  await client.query(asCopy)
  const chunks: Buffer[] = []
  const out = client.query(copyTo(`copy (select e.* from pgtrail.event e ${rest}) to stdout`))
  for await (const chunk of out) chunks.push(chunk)
  return Buffer.concat(chunks)
}

export async function* inPieces(bytes: Buffer, size = 1000): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

export async function about(db: TestDatabase, name: string): Promise<ArchiveAbout> {
  const [log] = await db.query("select log_id from pgtrail.log")
  return {
    name,
    log_id: log?.log_id ?? "",
    log_ids: [log?.log_id ?? ""],
    incarnation: "1",
    database: "test",
    created_by: "somebody",
    created_at: "2026-11-21T19:00:00.000000Z",
    partition: {
      name: "event_2026_11",
      since: "2026-11-01T00:00:00.000000Z",
      until: "2026-12-01T00:00:00.000000Z",
    },
    organization: null,
    due: false,
    since: null,
    until: null,
  }
}

/** A store in a folder of the test's own; `remove` in afterAll. */
export async function folderStore(): Promise<{ store: Store; base: string; remove(): void }> {
  const base = mkdtempSync(join(tmpdir(), "pgtrail-archive-"))
  const store = await openStore(pathToFileURL(base).href, {})
  return { store, base, remove: () => rmSync(base, { recursive: true, force: true }) }
}

export const name = "event_2026_11-20261121T190000Z-0a1b2c"
export const second = "event_2026_11-20261121T190001Z-0a1b2d"
export const events = "events.copy.gz"

/** A log of two organizations, and a place for archives of it. */
export interface FilesRig {
  readonly db: TestDatabase
  readonly store: Store
  /** COPY text of the first 200 events of each, from the last to the first, and of the others. */
  readonly rows: Buffer
  readonly others: Buffer
  path(file: string, of?: string): string
  write(options?: WriteOptions, of?: string, content?: Buffer): Promise<WrittenArchive>
  /** Takes every archive away. */
  clear(): void
  close(): Promise<void>
}

export async function filesRig(): Promise<FilesRig> {
  const db = await testDatabase()
  const { store, base, remove } = await folderStore()
  await db.query(
    `insert into pgtrail.event (organization_id, event_type, details, description)
     select (array['acme', 'tab\there'])[1 + i % 2], 'x', jsonb_build_object('i', i), repeat('text ', i % 50)
     from generate_series(1, 600) i`,
  )
  const client = await db.client()
  const rows = await copied(client, "where e.seq <= 200 order by e.seq desc")
  const others = await copied(client, "where e.seq > 200")
  const path = (file: string, of = name): string => join(base, of, file)
  return {
    db,
    store,
    rows,
    others,
    path,
    write: async (options = {}, of = name, content = rows) =>
      writeArchive(store, inPieces(content), await about(db, of), options),
    clear: () => {
      for (const one of [name, second]) rmSync(path("", one), { recursive: true, force: true })
    },
    async close() {
      remove()
      await db.drop()
    },
  }
}

/** Findings, a line each. */
export const told = (check: ArchiveCheck): string[] =>
  check.findings.map(({ kind, file, line, organization_id, lane, seq, message }) =>
    [kind, file, line, organization_id, lane, seq, message].filter((part) => part !== null).join(" "),
  )
