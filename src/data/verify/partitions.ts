// The partitions of pgtrail.event: their bounds, and how a verification divides them into short pieces of work.
import type { ClientBase } from "pg"
import { detachedPartitions } from "./detached.js"

export interface Partition {
  /** Quoted and qualified by the server. */
  readonly name: string
  readonly isDefault: boolean
  /** By an act: events of its time rightly go to DEFAULT since. */
  readonly isDetached: boolean
  /** Microseconds since 2000; the extremes of bigint stand for MINVALUE and MAXVALUE. */
  readonly since: bigint
  readonly until: bigint
  readonly blocks: number
}

/** A stretch of blocks of one partition, in physical order; read in one short transaction. */
export interface Piece {
  readonly relation: string
  readonly isDefault: boolean
  readonly since: bigint
  readonly until: bigint
  readonly firstBlock: number
  /** Exclusive; undefined is open to the end, for rows that arrived since. */
  readonly lastBlock: number | undefined
}

const pieceBlocks = 16_384

interface Row {
  readonly name: string
  /** Null of one that is detached. */
  readonly bound: string | null
  readonly since: string | null
  readonly until: string | null
  readonly blocks: string
}

/** All partitions, also those that were detached, in order of their bounds, DEFAULT last. */
export async function partitions(client: ClientBase): Promise<Partition[]> {
  // A bound that is infinite, or MINVALUE or MAXVALUE (which stand without quotes), is the end of the numbers.
  const micros = (group: number) =>
    `(select case when isfinite(b.bound) then (extract(epoch from b.bound - timestamptz '2000-01-01 00:00+00') * 1000000)::numeric(30,0)::text end
      from (select btrim(nullif(nullif((regexp_match(pg_get_expr(c.relpartbound, c.oid), $1))[${group}], 'MINVALUE'), 'MAXVALUE'), '''')::timestamptz as bound) b)`
  const { rows } = await client.query<Row>(
    `select format('%I.%I', n.nspname, c.relname) as name, pg_get_expr(c.relpartbound, c.oid) as bound,
        ${micros(1)} as since, ${micros(2)} as until,
        pg_relation_size(c.oid) / current_setting('block_size')::bigint as blocks
     from pg_inherits i
     join pg_class c on c.oid = i.inhrelid
     join pg_namespace n on n.oid = c.relnamespace
     where i.inhparent = 'pgtrail.event'::regclass
     order by pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT', 3, c.relname`,
    ["FOR VALUES FROM \\((MINVALUE|'[^']*')\\) TO \\((MAXVALUE|'[^']*')\\)"],
  )
  const detached = (await detachedPartitions(client)).map((one): Row => ({ ...one, bound: null }))
  return [...rows, ...detached]
    .map((row) => ({
      name: row.name,
      isDefault: row.bound === "DEFAULT",
      isDetached: row.bound === null,
      since: row.since === null ? -0x8000000000000000n : BigInt(row.since),
      until: row.until === null ? 0x7fffffffffffffffn : BigInt(row.until),
      blocks: Number.parseInt(row.blocks, 10),
    }))
    .sort((a, b) => (a.isDefault !== b.isDefault ? (a.isDefault ? 1 : -1) : a.since < b.since ? -1 : 1))
}

/**
 * Keeps a partition for the rest of the transaction, or ends it (with `undo`) and says no where the partition was dropped meanwhile: what that took
 * away the chains will tell. The lock is asked for by itself, because a COPY that fails costs the connection.
 */
export async function holdPartition(
  client: ClientBase,
  name: string,
  undo: string = "rollback",
): Promise<boolean> {
  try {
    await client.query(`lock table only ${name} in access share mode`)
    return true
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "42P01")) throw error
    await client.query(undo)
    return false
  }
}

/** Pieces of about 128 MiB, the largest partitions first, so that the workers end together. */
export function pieces(all: readonly Partition[]): Piece[] {
  return [...all]
    .sort((a, b) => b.blocks - a.blocks)
    .flatMap((partition) => {
      const { name: relation, isDefault, since, until } = partition
      const count = Math.max(1, Math.ceil(partition.blocks / pieceBlocks))
      return Array.from({ length: count }, (_, index) => ({
        relation,
        isDefault,
        since,
        until,
        firstBlock: index * pieceBlocks,
        lastBlock: index === count - 1 ? undefined : (index + 1) * pieceBlocks,
      }))
    })
}

export function wholePiece({ name: relation, isDefault, since, until }: Partition): Piece {
  return { relation, isDefault, since, until, firstBlock: 0, lastBlock: undefined }
}

/** Tells whether a time, given as two halves of its microseconds, lies where `piece` says its rows must lie. */
export function boundsCheck(piece: Piece, all: readonly Partition[]): (high: number, low: number) => boolean {
  if (piece.isDefault) {
    const ranges = all.filter((p) => !p.isDefault && !p.isDetached)
    return (high, low) => {
      const time = (BigInt(high) << 32n) | BigInt(low)
      let left = 0
      let right = ranges.length
      while (left < right) {
        const middle = (left + right) >> 1
        if ((ranges[middle]?.until ?? 0n) <= time) left = middle + 1
        else right = middle
      }
      const range = ranges[left]
      return range === undefined || time < range.since
    }
  }
  const sinceHigh = Number(piece.since >> 32n)
  const sinceLow = Number(piece.since & 0xffffffffn)
  const untilHigh = Number(piece.until >> 32n)
  const untilLow = Number(piece.until & 0xffffffffn)
  return (high, low) =>
    (high > sinceHigh || (high === sinceHigh && low >= sinceLow)) &&
    (high < untilHigh || (high === untilHigh && low < untilLow))
}
