// A folder of backups, and databases that they are restored into.
import { mkdtemp, readdir, rm } from "node:fs/promises"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import type { BackupOptions, RestoreBackupOptions, RestoredBackup, Trail } from "../../src/data/index.js"
import { type TestDatabase, type TextRow, testDatabase } from "../database.js"
import { serverFolder } from "../server-folder.js"

export interface Backups {
  /** Where they lie: as a path, and as a location. */
  readonly folder: string
  readonly to: string
  /** Of those that lie there. */
  names(): Promise<string[]>
  /** Makes one; its location. */
  of(trail: Trail, options?: Partial<BackupOptions>): Promise<string>
  /** A database without a log. */
  empty(): Promise<Empty>
  remove(): Promise<void>
}

export interface Empty {
  readonly db: TestDatabase
  readonly trail: Trail
  restore(location: string, options?: RestoreBackupOptions): Promise<RestoredBackup>
}

export async function backups(): Promise<Backups> {
  const folder = await mkdtemp(join(serverFolder, "pgtrail-backup-"))
  const to = pathToFileURL(folder).href
  const databases: TestDatabase[] = []
  return {
    folder,
    to,
    names: async () => (await readdir(folder)).filter((name) => name.startsWith("backup-")).sort(),
    async of(trail, options = {}) {
      const { name } = await trail.createBackup({ to, ...options })
      return `${to}/${name}`
    },
    async empty() {
      const db = await testDatabase({ empty: true })
      databases.push(db)
      const trail = await db.trail()
      return { db, trail, restore: (location, options) => trail.restoreBackup(location, options) }
    },
    async remove() {
      for (const db of databases) await db.drop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** What a restore is allowed to add to. */
const own = ["act", "act_signature", "log", "incarnation", "verified_head"]

/** Every row of each table, of acts those up to `acts`: as digests. */
export async function contents(
  db: Pick<TestDatabase, "query">,
  acts: string,
): Promise<Record<string, TextRow>> {
  const tables = await db.query(
    `select c.relname as name from pg_class c where c.relnamespace = 'pgtrail'::regnamespace and c.relkind = 'r' order by 1`,
  )
  const all: Record<string, TextRow> = {}
  for (const { name } of tables) {
    if (name == null || own.includes(name)) continue
    const [row] = await db.query(
      `select count(*) as rows, md5(string_agg(t::text, E'\\n' order by t::text collate "C")) as digest from only pgtrail."${name}" t`,
    )
    if (row !== undefined) all[name] = row
  }
  const [act] = await db.query(
    "select count(*) as rows, md5(string_agg(a::text, E'\\n' order by a.seq)) as digest from pgtrail.act a where a.seq <= $1",
    [acts],
  )
  if (act !== undefined) all.act = act
  return all
}

export const leftovers = (db: TestDatabase): Promise<TextRow[]> =>
  db.query("select nspname as schema from pg_namespace where nspname like 'pgtrail%' order by 1")
