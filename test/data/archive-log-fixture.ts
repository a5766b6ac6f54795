// A log with old partitions, a folder for archives, and the words of tests about them.
import { cp, mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { expect } from "vitest"
import type { ArchiveOptions, ArchiveRun } from "../../src/data/index.js"
import type { TextRow } from "../database.js"
import { here, type RetentionLog, retentionLog, until } from "./retention-fixture.js"

export interface ArchiveLog extends RetentionLog {
  readonly folder: string
  /** The folder as a location. */
  readonly to: string
  /** Into the folder, unless `to` says where. */
  create(options?: Partial<ArchiveOptions>): Promise<ArchiveRun>
  /** Names of archives in the folder, and of what else is there. */
  files(): Promise<string[]>
  /** All events, as they stand in the table. */
  events(): Promise<TextRow[]>
  /** Verifies, and tells how many events are where. */
  whole(): Promise<{ live: number; archived: number; purged: number }>
  /** Until so many sessions wait for the chain of acts. */
  waitsForActs(count?: number): Promise<void>
  remove(): Promise<void>
}

/** As retentionLog; events of the policy `cold` are due for an archive after 50 days, and kept for ten years. */
export async function archiveLog(options: { grace?: string } = {}): Promise<ArchiveLog> {
  const log = await retentionLog(options)
  await log.db.query(
    "select pgtrail.set_retention('policy', 'cold', 3650, archive_after_days => 50, confirmed => true)",
  )
  const folder = await mkdtemp(join(tmpdir(), "pgtrail-archive-"))
  const to = pathToFileURL(folder).href
  const kept = `${folder}-kept`
  return {
    ...log,
    async keep() {
      await log.keep()
      await rm(kept, { recursive: true, force: true })
      await cp(folder, kept, { recursive: true })
    },
    async reset() {
      await log.reset()
      for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true, force: true })
      await cp(kept, folder, { recursive: true })
    },
    folder,
    to,
    create: (given = {}) => log.trail.createArchives({ to, ...given }),
    files: async () => (await readdir(folder)).sort(),
    events: () => log.db.query("select e.* from pgtrail.event e order by e.organization_id, e.lane, e.seq"),
    async whole() {
      const { findings, verdict, covered } = await log.trail.verify({ jobs: 1, record: false })
      expect(findings).toEqual([])
      expect(verdict).toBe("intact")
      const { events, archived, purged } = covered
      return { live: Number(events), archived: Number(archived), purged: Number(purged) }
    },
    waitsForActs: (count = 1) =>
      until(
        log.db,
        `select count(*) = ${count} from pg_locks where not granted and locktype = 'advisory' and classid = 1885828210
           and objid::bigint = 4294967295 and ${here}`,
      ),
    async remove() {
      await log.db.drop()
      await rm(folder, { recursive: true, force: true })
      await rm(kept, { recursive: true, force: true })
    },
  }
}
