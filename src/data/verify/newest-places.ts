// Which lanes have events, and up to where: by the primary key of each partition, from lane to lane, without reading the events.
import { type ConnectionTarget, withClient } from "../connection.js"
import { holdPartition, partitions } from "./partitions.js"
import { chainKey } from "./row.js"
import type { VerifyOptions } from "./verify.js"

/** The newest seq of each lane, by chain key; on the exported snapshot, each partition in a short transaction. */
export function newestPlaces(
  target: ConnectionTarget,
  options: VerifyOptions,
  snapshot: string,
): Promise<Map<string, number>> {
  return withClient(target, async (client) => {
    const newest = new Map<string, number>()
    for (const { name } of await partitions(client)) {
      options.signal?.throwIfAborted()
      await client.query("begin isolation level repeatable read read only")
      await client.query(`set transaction snapshot '${snapshot.replaceAll("'", "")}'`)
      if (!(await holdPartition(client, name))) continue
      const { rows } = await client.query<{ organization_id: string; lane: string; seq: string }>(
        `with recursive place as (
           (select e.organization_id, e.lane from only ${name} e order by e.organization_id, e.lane limit 1)
           union all
           select n.organization_id, n.lane from place p, lateral (
             select e.organization_id, e.lane from only ${name} e
             where (e.organization_id, e.lane) > (p.organization_id, p.lane) order by e.organization_id, e.lane limit 1) n
         )
         select p.organization_id, p.lane, (
           select e.seq from only ${name} e where e.organization_id = p.organization_id and e.lane = p.lane order by e.seq desc limit 1) as seq
         from place p
         where $1::text is null or p.organization_id = $1`,
        [options.organization ?? null],
      )
      await client.query("commit")
      for (const row of rows) {
        const key = chainKey(row.organization_id, row.lane)
        newest.set(key, Math.max(newest.get(key) ?? 0, Number.parseInt(row.seq, 10)))
      }
    }
    return newest
  })
}
