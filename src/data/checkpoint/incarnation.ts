// The lives of a log: opens the next one after a restore, and records what was lost against a checkpoint.
import type { ClientBase } from "pg"
import { performAct } from "../act/perform.js"
import { TrailError } from "../errors.js"
import { schemaState } from "../migrate/state.js"
import { writeTime } from "../query/columns.js"
import type { VerifiedHead } from "../verify/acts.js"
import { type Checkpoint, openCheckpoint } from "./anchor.js"
import { readKeyFiles } from "./keys.js"
import { columnsOf, lostHeads } from "./lost-heads.js"
import { readSigningKey } from "./note.js"

export const incarnationReasons = ["restore", "pitr", "failover", "copy"] as const

export interface IncarnationOptions {
  readonly reason: (typeof incarnationReasons)[number]
  /** File of the last checkpoint before; its list of heads lies beside it. */
  readonly checkpoint: string
  /** Files of public keys. */
  readonly publicKeys: readonly string[]
  /** A private signing key, as text; signs the act. */
  readonly key?: string | undefined
  /** Does everything and rolls it back. */
  readonly dryRun?: boolean | undefined
}

export interface LostLane {
  readonly organization_id: string
  readonly lane: string
  /** Newest event that is left from before the checkpoint; 0 where none is. */
  readonly kept_seq: string
  /** Newest event at the checkpoint. */
  readonly lost_seq: string
}

export interface OpenedIncarnation {
  readonly number: string
  readonly log_id: string
  readonly reason: string
  /** The checkpoint, for people. */
  readonly checkpoint: string
  readonly checkpoint_time: string
  /** seq of its act; null in a dry run. */
  readonly act: string | null
  readonly lanes_lost: string
  readonly events_lost: string
  /** Whether the act chain has lost the checkpoint's act. */
  readonly acts_lost: boolean
  readonly lost: readonly LostLane[]
}

export interface Incarnation {
  readonly number: string
  readonly log_id: string
  readonly reason: string
  readonly opened_at: string
  /** seq; null for the installation. */
  readonly act: string | null
  readonly lanes_lost: string
  readonly events_lost: string
}

export async function incarnations(client: ClientBase): Promise<Incarnation[]> {
  const { rows } = await client.query<{ [K in keyof Incarnation]: Incarnation[K] }>(
    `select i.number, i.log_id, i.reason, i.opened_at, i.act_seq as act, count(l.lane) as lanes_lost,
        coalesce(sum(l.lost_seq - l.kept_seq), 0) as events_lost
     from pgtrail.incarnation i
     left join pgtrail.loss l on l.incarnation = i.number
     group by i.number
     order by i.number`,
  )
  return rows.map((row) => ({ ...row, opened_at: writeTime(row.opened_at) }))
}

/** Carries the report out of a transaction that is to be rolled back. */
class DryRun extends Error {}

export async function openIncarnation(
  client: ClientBase,
  options: IncarnationOptions,
): Promise<OpenedIncarnation> {
  const key = options.key === undefined ? undefined : readSigningKey(options.key)
  const checkpoint = await openCheckpoint(options.checkpoint, await readKeyFiles(options.publicKeys))
  await refuseUnfit(client, checkpoint)
  let opened: OpenedIncarnation | undefined
  try {
    await performAct(client, key, async () => {
      opened = await openWithin(client, options.reason, checkpoint, options.checkpoint)
      if (options.dryRun !== true) return opened.act
      opened = { ...opened, act: null }
      throw new DryRun()
    })
  } catch (error) {
    if (!(error instanceof DryRun)) throw error
  }
  if (opened === undefined) throw new TrailError("server", "the server opened no incarnation")
  return opened
}

/** In a transaction of the caller's. `path`: how the checkpoint was named. */
export async function openWithin(
  client: ClientBase,
  reason: string,
  checkpoint: Checkpoint,
  path: string,
): Promise<OpenedIncarnation> {
  const acts_lost = await hasLostAct(client, checkpoint)
  const heads = await lostHeads(client, checkpoint.heads)
  if (!acts_lost && heads.length > 0) throw notSetBack(path)
  return { ...(await open(client, reason, checkpoint, heads)), acts_lost }
}

/** Every log id that the log ever had will do: a checkpoint may be older than a copy. */
async function refuseUnfit(client: ClientBase, checkpoint: Checkpoint): Promise<void> {
  const state = await schemaState(client)
  if (!state.installed || state.migrations.some((migration) => migration.state === "pending")) {
    throw new TrailError(
      state.installed ? "pending-migration" : "not-installed",
      state.installed
        ? "a migration is pending: nothing was changed"
        : "pgtrail is not installed in this database",
      { hint: state.installed ? "pgtrail migrate up" : "pgtrail install" },
    )
  }
  const { rows } = await client.query<{ log_id: string }>("select log_id from pgtrail.incarnation")
  if (rows.some((row) => row.log_id === checkpoint.logId)) return
  throw new TrailError("other-log", `the ${checkpoint.name} is of another log, ${checkpoint.logId}`, {
    hint: "nothing was changed; pgtrail incarnation list shows the ids of this log",
  })
}

/**
 * The act of a checkpoint came after all that the checkpoint has: a log that was set back to before a part of it has lost the act first.
 * What is missing while the act is there was taken away.
 */
function notSetBack(checkpoint: string): TrailError {
  return new TrailError("usage", "the act of that checkpoint is still there: the log was not set back", {
    hint: `nothing was changed; pgtrail verify --checkpoint ${checkpoint} --public-key FILE tells what is missing`,
  })
}

async function hasLostAct(client: ClientBase, { act }: Checkpoint): Promise<boolean> {
  if (act === null) return false
  const { rows } = await client.query(
    "select from pgtrail.act where organization_id = 'pgtrail' and seq = $1 and hash = decode($2, 'hex')",
    [act.seq, act.hash],
  )
  return rows.length === 0
}

async function open(
  client: ClientBase,
  reason: string,
  checkpoint: Checkpoint,
  heads: readonly VerifiedHead[],
): Promise<Omit<OpenedIncarnation, "acts_lost"> & { act: string }> {
  const { rows } = await client.query<{ number: string; log_id: string; act: string }>(
    `select number, log_id, seq as act
     from pgtrail.open_incarnation($5, $6, $1::text[], $2::smallint[], $3::bigint[], $4::text[]::bytea[], $7::timestamptz)`,
    [...columnsOf(heads), reason, checkpoint.note, checkpoint.time],
  )
  const [opened] = rows
  if (opened === undefined) throw new TrailError("server", "the server opened no incarnation")
  const lost = await client.query<LostLane & { events: string }>(
    `select l.organization_id, l.lane, l.kept_seq, l.lost_seq from pgtrail.loss l
     where l.incarnation = $1 order by l.organization_id, l.lane`,
    [opened.number],
  )
  const events = lost.rows.reduce((sum, lane) => sum + BigInt(lane.lost_seq) - BigInt(lane.kept_seq), 0n)
  return {
    ...opened,
    reason,
    checkpoint: checkpoint.name,
    checkpoint_time: checkpoint.time,
    lanes_lost: String(lost.rows.length),
    events_lost: String(events),
    lost: lost.rows,
  }
}
