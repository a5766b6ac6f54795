// Drops a partition: a purge of all its events, which are verified first, recorded, and not under a hold.
import type { Client } from "pg"
import { performAct } from "../act/perform.js"
import { readSigningKey, type SigningKey } from "../checkpoint/note.js"
import { type ConnectionTarget, withClient } from "../connection.js"
import { TrailError } from "../errors.js"
import { lock as lockPurge } from "../purge/refusals.js"
import { toTrailError } from "../server-errors.js"
import { grouped } from "../words.js"
import {
  alone,
  type ChangeOptions,
  inTransaction,
  type Partition,
  patienceOf,
  refuseUnable,
  retried,
} from "./change.js"
import { findToDrop } from "./gone.js"
import { type KeptEvents, keptEvents } from "./kept.js"
import { script } from "./script.js"

export interface DropOptions extends ChangeOptions {
  readonly reason: string
  /** Who asked for it: a name, or the number of a request. */
  readonly requestedBy?: string | undefined
  /** The partition's name once more; not needed in a dry run. */
  readonly confirm?: string | undefined
  /** A private signing key, as text; signs the act. */
  readonly key?: string | undefined
}

export interface DroppedPartition {
  readonly name: string
  readonly since: string
  readonly until: string
  readonly dry_run: boolean
  /** Events that do not verify were in the way: nothing was dropped. What they are, `message` says. */
  readonly refused: boolean
  readonly message: string | null
  /** The act that recorded it; null in a dry run, and where it was refused. */
  readonly act: string | null
  readonly events: string
  readonly bytes_freed: string
  /** Events of it that the rules of retention still keep; empty where there is none. */
  readonly kept: readonly KeptEvents[]
}

/** Throws `not-found`, `usage` without the confirmation, `busy`, `lock-timeout`, `config` without a key, and where a hold is on any event. */
export function dropPartition(
  target: ConnectionTarget,
  name: string,
  options: DropOptions,
): Promise<DroppedPartition> {
  const key = options.key === undefined ? undefined : readSigningKey(options.key)
  return withClient(target, async (client) => {
    await refuseUnable(client, needs, options)
    const partition = droppable(await findToDrop(client, name))
    const dryRun = options.dryRun === true
    if (dryRun) return drop(client, partition, options, key)
    await refuseUnconfirmed(client, partition, options)
    await lockPurge(client)
    return alone(client, false, () => drop(client, partition, options, key))
  })
}

async function drop(
  client: Client,
  { name, since, until }: Partition,
  options: DropOptions,
  key: SigningKey | undefined,
): Promise<DroppedPartition> {
  const dryRun = options.dryRun === true
  options.progress?.("reading what the rules of retention keep of it")
  const kept = await keptEvents(client, name)
  options.progress?.("verifying")
  let found = { seq: null as string | null, events: "0", bytes_freed: "0" }
  const purge = async (): Promise<string | null> => {
    const { rows } = await client.query<typeof found>(
      `select seq, events, bytes_freed from pgtrail.purge_partition($1, $2, everything => true, patience => $3::interval,
         requested_by => $4)`,
      [name, options.reason, patienceOf(options), options.requestedBy ?? null],
    )
    found = rows[0] ?? found
    return found.seq
  }
  const plain = { name, since, until, dry_run: dryRun, refused: false, message: null, kept }
  try {
    const act = await retried(options, () =>
      dryRun ? inTransaction(client, true, purge) : performAct(client, key, purge),
    )
    return { ...plain, act: dryRun ? null : act, events: found.events, bytes_freed: found.bytes_freed }
  } catch (error) {
    const known = toTrailError(error)
    if (!(known instanceof TrailError) || known.sqlstate !== "TR013") throw error
    return { ...plain, refused: true, message: known.message, act: null, events: "0", bytes_freed: "0" }
  }
}

/** The SQL that `dropPartition` would run now. */
export function dropSql(target: ConnectionTarget, name: string, options: DropOptions): Promise<string> {
  return withClient(target, async (client) => {
    await refuseUnable(client, needs, options, true)
    const partition = droppable(await findToDrop(client, name))
    await refuseUnconfirmed(client, partition, options)
    const values = [
      name,
      options.reason,
      patienceOf(options),
      ...(options.requestedBy === undefined ? [] : [options.requestedBy]),
    ]
    const by = options.requestedBy === undefined ? "" : ", requested_by => %L"
    return script([
      [`select * from pgtrail.purge_partition(%L, %L, everything => true, patience => %L${by})`, values],
    ])
  })
}

const needs =
  "pgtrail.purge_partition(text, text, text, boolean, boolean, bigint, interval, text, text[], bigint, boolean, jsonb)"

function droppable(partition: Partition): Partition {
  const { name, isDefault, isCurrent } = partition
  if (!isDefault && !isCurrent) return partition
  throw new TrailError(
    "usage",
    isDefault
      ? `${name} is the DEFAULT partition, which takes what no other does: it stays`
      : `${name} is the partition of today: it stays`,
    {
      hint: "nothing was dropped; pgtrail retention run purges what is expired, pgtrail organization purge all of one organization",
    },
  )
}

async function refuseUnconfirmed(
  client: Client,
  { name, since, until, bytes }: Partition,
  { confirm }: DropOptions,
): Promise<void> {
  if (confirm === name) return
  const { rows } = await client.query<{ rows: string | null }>(
    "select nullif(c.reltuples, -1)::bigint as rows from pgtrail.partitions() p join pg_class c on c.oid = p.oid where p.name = $1",
    [name],
  )
  const about = rows[0]?.rows == null ? "" : `, about ${grouped(rows[0].rows)} events`
  const what = `removes ${name} for ever: ${since} to ${until}${about}, ${grouped(bytes)} bytes`
  throw new TrailError(
    "usage",
    confirm === undefined ? `this ${what}` : `--confirm names ${JSON.stringify(confirm)}, and this ${what}`,
    { hint: `nothing was dropped; look with --dry-run first, then run it again with --confirm ${name}` },
  )
}
