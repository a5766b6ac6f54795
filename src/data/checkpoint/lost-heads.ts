// What a log lost against the heads that a checkpoint has.
import type { ClientBase } from "pg"
import { goneTable } from "../purge/gone.js"
import { purgedAround } from "../purge/place.js"
import { keepsPurges } from "../purge/records.js"
import type { VerifiedHead } from "../verify/acts.js"
import { detachedPartitions } from "../verify/detached.js"

const batch = 5_000

/**
 * Heads that the log no longer has. Looks at the newest hashes first, and for what they no longer hold at the events, also those of
 * detached partitions, and at what was purged.
 */
export async function lostHeads(client: ClientBase, heads: readonly VerifiedHead[]): Promise<VerifiedHead[]> {
  const detached = (await detachedPartitions(client)).map(({ name }) => `only ${name}`)
  const lost: VerifiedHead[] = []
  for (let at = 0; at < heads.length; at += batch) {
    let part: readonly VerifiedHead[] = heads.slice(at, at + batch)
    for (const table of ["pgtrail.chain_head", "pgtrail.event", ...detached]) {
      part = await absent(client, table, part)
    }
    lost.push(...(await unpurged(client, part)))
  }
  return lost
}

/** What was purged with a record was not lost; where a range ends there, it must have ended with that event. */
async function unpurged(client: ClientBase, heads: readonly VerifiedHead[]): Promise<VerifiedHead[]> {
  const left: VerifiedHead[] = []
  const maybe = await purgedThere(client, heads)
  for (const [at, head] of heads.entries()) {
    const { organization_id: organization, lane, seq } = head
    const purges = maybe.has(at) ? await purgedAround(client, { organization, lane, seq }) : []
    const purge = purges?.find(({ first, last }) => first <= BigInt(seq) && BigInt(seq) <= last)
    if (purge === undefined || (purge.last === BigInt(seq) && purge.hash !== head.hash)) left.push(head)
  }
  return left
}

/** Which of these heads a purge has: thousands of lanes are asked for at once. */
async function purgedThere(client: ClientBase, heads: readonly VerifiedHead[]): Promise<ReadonlySet<number>> {
  if (heads.length === 0 || !(await keepsPurges(client))) return new Set()
  const { rows } = await client.query<{ at: string }>(
    `select g.n - 1 as at
     from unnest($1::text[], $2::smallint[], $3::bigint[], $4::text[]) with ordinality g (organization_id, lane, seq, hash, n)
     where exists (
         select from ${goneTable} p
         where p.organization_id = g.organization_id and p.lane = g.lane::int and p.ranges @> g.seq)`,
    columnsOf(heads),
  )
  return new Set(rows.map(({ at }) => Number(at)))
}

/** `table`: quoted and qualified. */
async function absent(
  client: ClientBase,
  table: string,
  heads: readonly VerifiedHead[],
): Promise<readonly VerifiedHead[]> {
  if (heads.length === 0) return []
  // A lateral with a limit stays a lookup by key for each head; an anti-join may become a scan of the whole log.
  const { rows } = await client.query<VerifiedHead>(
    `select g.organization_id, g.lane, g.seq, g.hash
     from unnest($1::text[], $2::smallint[], $3::bigint[], $4::text[]::bytea[]) g (organization_id, lane, seq, hash)
     left join lateral (
         select true as there from ${table} t
         where t.organization_id = g.organization_id and t.lane = g.lane and t.seq = g.seq and t.hash = g.hash
         limit 1
     ) t on true
     where t.there is null`,
    columnsOf(heads),
  )
  return rows
}

export const columnsOf = (heads: readonly VerifiedHead[]): string[][] => [
  heads.map((head) => head.organization_id),
  heads.map((head) => head.lane),
  heads.map((head) => head.seq),
  heads.map((head) => head.hash),
]
