// What was purged at a place of a lane and beside it.
import type { ClientBase } from "pg"
import { writeTime } from "../query/columns.js"
import type { Place } from "../query/typed.js"
import { goneTable } from "./gone.js"
import { keepsPurges } from "./records.js"

export interface PurgedAround {
  readonly first: bigint
  readonly last: bigint
  /** Hash before the first event, and that of the last: `\x` hex. */
  readonly before: string
  readonly hash: string
  /** seq of the act. */
  readonly act: string
  /** Null where this role may not read acts. */
  readonly purged_at: string | null
}

/** The ranges that have the place, or one beside it; undefined where this role may not know. */
export async function purgedAround(
  client: ClientBase,
  { organization, lane, seq }: Place,
): Promise<PurgedAround[] | undefined> {
  if (!(await keepsPurges(client))) return []
  const may = await client.query<{ reads: string; acts: string }>(
    "select has_table_privilege('pgtrail.purge', 'select') as reads, has_table_privilege('pgtrail.act', 'select') as acts",
  )
  const [rights] = may.rows
  if (rights?.reads !== "t") return undefined
  const time =
    rights.acts === "t"
      ? "(select a.recorded_at from pgtrail.act a where a.seq = p.act_seq)"
      : "null::timestamptz"
  const { rows } = await client.query<
    Record<"first" | "last" | "before" | "hash" | "act", string> & { at: string | null }
  >(
    `select lower(r.range) as first, upper(r.range) - 1 as last, substr(p.hashes, (r.n * 64 - 63)::int, 32) as before,
       substr(p.hashes, (r.n * 64 - 31)::int, 32) as hash, p.act_seq as act, ${time} as at
     from ${goneTable} p, unnest(p.ranges) with ordinality r (range, n), int8range($3::bigint - 1, $3::bigint + 1, '[]') near
     where p.organization_id = $1 and p.lane = $2::int and p.ranges && near and r.range && near
     order by 1`,
    [organization, lane, seq],
  )
  return rows.map(({ first, last, at, ...row }) => ({
    ...row,
    first: BigInt(first),
    last: BigInt(last),
    purged_at: writeTime(at),
  }))
}
