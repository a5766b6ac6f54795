// Opens the incarnation of a restored log, in the transaction in which it appears.
import type { Client } from "pg"
import { sign } from "../act/perform.js"
import type { Checkpoint } from "../checkpoint/anchor.js"
import { openWithin } from "../checkpoint/incarnation.js"
import type { SigningKey } from "../checkpoint/note.js"
import { type BackupToRestore, broken } from "./restore-files.js"

/** The first level that knows incarnations. */
const firstLevel = 2

export interface Opening {
  readonly reason: "restore" | "copy"
  /** With the path that it was read from. */
  readonly checkpoint: { readonly read: Checkpoint; readonly path: string } | undefined
  readonly key: SigningKey | undefined
  /** Of the log that is replaced: no two may share a number. */
  readonly after: number
}

export interface Opened {
  readonly number: string
  readonly act: string
  readonly lanes_lost: string
}

/** Null for a log of a level that knows none. As the owner of the log. */
export async function openRestored(
  client: Client,
  backup: BackupToRestore,
  opening: Opening,
): Promise<Opened | null> {
  if (backup.version.number < firstLevel) return null
  const { checkpoint, reason, key } = opening
  const opened =
    checkpoint === undefined
      ? await withoutCheckpoint(client, backup, opening)
      : await openWithin(client, reason, checkpoint.read, checkpoint.path)
  if (opened.act !== null && key !== undefined) await sign(client, key, opened.act)
  return { number: opened.number, act: opened.act ?? "", lanes_lost: opened.lanes_lost }
}

/**
 * What was lost since the backup nobody has told: the act records no loss, so that a checkpoint which is newer than the backup still
 * finds the log set back. Its digest is that of no lanes.
 */
async function withoutCheckpoint(
  client: Client,
  { name, sha256, manifest }: BackupToRestore,
  { reason, after }: Opening,
): Promise<Opened> {
  const { rows } = await client.query<{ number: string; log_id: string }>(
    `select greatest(l.incarnation, $1::int) + 1 as number,
       case when $2 = 'copy' then gen_random_uuid() else l.log_id end as log_id
     from pgtrail.log l`,
    [after, reason],
  )
  const [next] = rows
  if (next === undefined) throw broken(`${name} has no identity of a log`)
  const recorded = await client.query<{ seq: string }>(
    `select pgtrail.record_act('incarnation', jsonb_build_object('number', $1::int, 'reason', $2::text, 'log_id', $3::uuid,
       'checkpoint', null, 'lanes', 0,
       'backup', jsonb_build_object('name', $4::text, 'manifest', $5::text, 'act', $6::bigint)), sha256('')) as seq`,
    [next.number, reason, next.log_id, name, sha256, manifest.act?.seq ?? null],
  )
  const act = recorded.rows[0]?.seq ?? ""
  await client.query("update pgtrail.log set incarnation = $1, log_id = $2", [next.number, next.log_id])
  await client.query(
    `insert into pgtrail.incarnation (number, log_id, reason, opened_at, act_seq, checkpoint)
     select $1::int, $2::uuid, $3::text, a.recorded_at, a.seq, null from pgtrail.act a
     where a.organization_id = 'pgtrail' and a.seq = $4`,
    [next.number, next.log_id, reason, act],
  )
  return { number: next.number, act, lanes_lost: "0" }
}
