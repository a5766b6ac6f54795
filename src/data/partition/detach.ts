// Detaches and attaches partitions, each of which is an act.
import type { Client } from "pg"
import { type ConnectionTarget, withClient } from "../connection.js"
import { TrailError } from "../errors.js"
import {
  alone,
  type ChangeOptions,
  find,
  inTransaction,
  type Partition,
  patienceOf,
  refuseUnable,
  retried,
} from "./change.js"
import { script } from "./script.js"

export interface MovedPartition {
  readonly name: string
  readonly since: string
  readonly until: string
  readonly dry_run: boolean
  /** How many events left the queries, or came back to them. */
  readonly events: string
  /** How many of DEFAULT came along; null where it was detached. */
  readonly moved: string | null
  /** The act that recorded it; null in a dry run. */
  readonly act: string | null
}

/** Throws `not-found`, `usage`, `busy`, `lock-timeout`, and where a hold is on any of its events. */
export function detachPartition(
  target: ConnectionTarget,
  name: string,
  reason: string,
  options: ChangeOptions = {},
): Promise<MovedPartition> {
  return withClient(target, async (client) => {
    await refuseUnable(client, detaches, options)
    const partition = detachable(await find(client, name))
    return move(
      client,
      partition,
      options,
      "select act, events, null as moved from pgtrail.detach_partition($1, $2, $3::interval)",
      [name, reason, patienceOf(options)],
    )
  })
}

/** Throws `not-found`, `usage`, `busy`, `lock-timeout`. */
export function attachPartition(
  target: ConnectionTarget,
  name: string,
  options: ChangeOptions = {},
): Promise<MovedPartition> {
  return withClient(target, async (client) => {
    await refuseUnable(client, attaches, options)
    const partition = attachable(await find(client, name))
    return move(
      client,
      partition,
      options,
      "select act, events, moved from pgtrail.attach_partition($1, $2::interval)",
      [name, patienceOf(options)],
    )
  })
}

/** The SQL that `detachPartition` would run now. */
export function detachSql(
  target: ConnectionTarget,
  name: string,
  reason: string,
  options: ChangeOptions = {},
): Promise<string> {
  return withClient(target, async (client) => {
    await refuseUnable(client, detaches, options, true)
    detachable(await find(client, name))
    return script([
      ["select * from pgtrail.detach_partition(%L, %L, %L)", [name, reason, patienceOf(options)]],
    ])
  })
}

/** The SQL that `attachPartition` would run now. */
export function attachSql(
  target: ConnectionTarget,
  name: string,
  options: ChangeOptions = {},
): Promise<string> {
  return withClient(target, async (client) => {
    await refuseUnable(client, attaches, options, true)
    attachable(await find(client, name))
    return script([["select * from pgtrail.attach_partition(%L, %L)", [name, patienceOf(options)]]])
  })
}

const detaches = "pgtrail.detach_partition(text, text, interval)"
const attaches = "pgtrail.attach_partition(text, interval)"

type Moved = Pick<MovedPartition, "events" | "moved" | "act">

async function move(
  client: Client,
  { name, since, until }: Partition,
  options: ChangeOptions,
  sql: string,
  values: readonly string[],
): Promise<MovedPartition> {
  const dryRun = options.dryRun === true
  const moved = await alone(client, dryRun, () =>
    retried(options, () =>
      inTransaction(client, dryRun, async () => (await client.query<Moved>(sql, [...values])).rows[0]),
    ),
  )
  if (moved === undefined) throw new Error("the change of a partition returned nothing")
  return { name, since, until, dry_run: dryRun, ...moved, act: dryRun ? null : moved.act }
}

function detachable(partition: Partition): Partition {
  const { name, attached, isDefault, isCurrent } = partition
  if (isDefault) {
    throw new TrailError(
      "usage",
      `${name} is the DEFAULT partition, which takes what no other does: it stays`,
      {
        hint: "nothing was detached",
      },
    )
  }
  if (isCurrent) {
    throw new TrailError("usage", `${name} is the partition of today: it stays`, {
      hint: "nothing was detached; pgtrail partition list tells which are older",
    })
  }
  if (!attached) {
    throw new TrailError("usage", `${name} is detached already`, {
      hint: `nothing was changed; pgtrail partition attach ${name}`,
    })
  }
  return partition
}

function attachable(partition: Partition): Partition {
  if (!partition.attached) return partition
  throw new TrailError("usage", `${partition.name} is attached already`, { hint: "nothing was changed" })
}
