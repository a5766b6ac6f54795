// A log of which backups are kept and restored, and checkpoints are made, for the tests of incarnations.
import { writeFileSync } from "node:fs"
import type { IncarnationOptions, OpenedIncarnation } from "../../src/data/index.js"
import type { Trail } from "../../src/data/trail.js"
import { type TestDatabase, type TextRow, testDatabase } from "../database.js"
import { folder, keyPair, type Pair } from "./checkpoint-fixture.js"

export interface RestorableLog {
  readonly db: TestDatabase
  readonly trail: Trail
  readonly logId: string
  readonly pair: Pair
  readonly publicKeys: readonly string[]
  path(name: string): string
  append(organization: string, count?: number): Promise<unknown>
  /** Signs a checkpoint; its file. */
  checkpoint(): Promise<string>
  open(file: string, more?: Partial<IncarnationOptions>, by?: Trail): Promise<OpenedIncarnation>
  /** Runs SQL past all guards. */
  past(sql: string): Promise<void>
  /** The backup. */
  keep(): Promise<void>
  /** What a restore of the backup leaves. */
  restore(): Promise<void>
  /** All that opening an incarnation could change. */
  state(): Promise<TextRow[]>
  remove(): Promise<void>
}

const tables = [
  "event",
  "chain_head",
  "act",
  "verified_head",
  "log",
  "incarnation",
  "loss",
  "act_signature",
  "setting",
]

/** Ten events of acme and three of globex. */
export async function restorableLog(): Promise<RestorableLog> {
  const { path, remove } = folder()
  const pair = keyPair()
  const publicKeys = [path("keys.pub")]
  const db = await testDatabase()
  const trail = await db.trail()
  writeFileSync(path("keys.pub"), `${pair.line}\n`)
  let made = 0
  const log: RestorableLog = {
    db,
    trail,
    logId: (await db.query("select log_id from pgtrail.log"))[0]?.log_id ?? "",
    pair,
    publicKeys,
    path,
    append: (organization, count = 1) =>
      db.query(
        "insert into pgtrail.event (organization_id, event_type) select $1, 'a' from generate_series(1, $2)",
        [organization, count],
      ),
    async checkpoint() {
      made += 1
      const out = path(`${made}.checkpoint`)
      await trail.createCheckpoint({ key: pair.secret, out })
      return out
    },
    open: (file, more = {}, by = trail) =>
      by.openIncarnation({ reason: "restore", checkpoint: file, publicKeys, ...more }),
    async past(sql) {
      await db.query("set session_replication_role = replica")
      await db.query(sql)
      await db.query("set session_replication_role = origin")
    },
    async keep() {
      for (const table of tables) {
        await db.query(
          `drop table if exists public.${table}_copy; create table public.${table}_copy as table pgtrail.${table}`,
        )
      }
    },
    async restore() {
      for (const table of tables) {
        await log.past(`truncate pgtrail.${table}; insert into pgtrail.${table} table public.${table}_copy`)
      }
    },
    state: () =>
      db.query(`select (select json_agg(l order by number) from pgtrail.incarnation l)::text as incarnations,
        (select json_agg(l) from pgtrail.loss l)::text as losses, (select l::text from pgtrail.log l) as log,
        (select max(seq) from pgtrail.act) as act`),
    async remove() {
      await db.drop()
      remove()
    },
  }
  await log.append("acme", 10)
  await log.append("globex", 3)
  return log
}
