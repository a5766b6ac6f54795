// The acts of a log replayed without the rest of a verification: what its control tables and signatures are found to be.
import type { VerifierKey } from "../../src/data/checkpoint/note.js"
import type { Trail } from "../../src/data/index.js"
import { Replay } from "../../src/data/verify/controls.js"
import { type Finding, Findings } from "../../src/data/verify/finding.js"
import { liveTables } from "../../src/data/verify/log-tables.js"
import type { TestDatabase } from "../database.js"

export interface Replayed {
  readonly replay: Replay
  readonly list: readonly Finding[]
  /** `kind act: message`. */
  readonly messages: readonly string[]
}

export async function replayed(trail: Trail, keys: readonly VerifierKey[] = []): Promise<Replayed> {
  const client = await trail.connect()
  const findings = new Findings()
  const replay = new Replay()
  const acts = await client.query("select * from pgtrail.act order by seq")
  for (const act of acts.rows) replay.add(act)
  const log = await client.query("select log_id from pgtrail.log")
  await replay.check(liveTables(client), log.rows[0]?.log_id, keys, findings)
  await client.end()
  const messages = findings.list.map(({ kind, seq, message }) => `${kind} ${seq ?? "-"}: ${message}`)
  return { replay, list: findings.list, messages }
}

/** As superuser with every trigger off. */
export async function tamper(db: TestDatabase, sql: string): Promise<void> {
  await db.query(`set session_replication_role = replica; ${sql}; set session_replication_role = origin`)
}
