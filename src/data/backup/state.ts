// By what it is told whether anything in a partition has changed: the first and last place of each lane in it with their hashes (of a copy
// of the log others stand at the same places), and its redactions.
import { createHash } from "node:crypto"
import type { Client } from "pg"
import { CopyOut } from "./copy-out.js"
import { copyOut } from "./copy-read.js"
import type { PartitionState } from "./manifest.js"
import { holdRelation, type Relation } from "./relations.js"

/** From lane to lane by the primary key, without reading the events. */
const lanes = (quoted: string, condition: string): string =>
  `with recursive place as (
     (select e.organization_id, e.lane from only ${quoted} e${condition} order by e.organization_id, e.lane limit 1)
     union all
     select n.organization_id, n.lane from place p, lateral (
       select e.organization_id, e.lane from only ${quoted} e
       where (e.organization_id, e.lane) > (p.organization_id, p.lane)${condition.replace(" where", " and")}
       order by e.organization_id, e.lane limit 1) n
   ), stretch as (
     select p.organization_id, p.lane, f.seq as first, f.hash as first_hash, l.seq as last, l.hash as last_hash
     from place p, lateral (
         select e.seq, e.hash from only ${quoted} e where e.organization_id = p.organization_id and e.lane = p.lane order by e.seq limit 1) f, lateral (
         select e.seq, e.hash from only ${quoted} e where e.organization_id = p.organization_id and e.lane = p.lane order by e.seq desc limit 1) l)`

export interface StateScope {
  /** Quoted by the server; undefined for all. */
  readonly organizationLiteral: string | undefined
  /** Whether anything was ever redacted. */
  readonly hasEntries: boolean
  readonly signal?: AbortSignal | undefined
}

/** In the transaction of the snapshot, without keeping a lock. Throws ChangedMeanwhile. */
export async function partitionState(
  client: Client,
  relation: Relation,
  { organizationLiteral, hasEntries, signal }: StateScope,
): Promise<PartitionState> {
  await client.query("savepoint state")
  await holdRelation(client, relation)
  const condition =
    organizationLiteral === undefined ? "" : ` where e.organization_id = ${organizationLiteral}`
  const stretches = lanes(relation.quoted, condition)
  const hash = createHash("sha256")
  const copy = new CopyOut(
    `copy (${stretches} select organization_id, lane, first, last, first_hash, last_hash from stretch order by organization_id collate "C", lane) to stdout`,
  )
  for await (const chunk of copyOut(client, copy, { signal })) hash.update(chunk)
  let redactions = "0"
  if (hasEntries) {
    const { rows } = await client.query<{ entries: string }>(
      `${stretches} select coalesce(sum((
         select count(*) from pgtrail.redaction_entry r
         where r.organization_id = s.organization_id and r.lane = s.lane and r.seq between s.first and s.last)), 0)::text as entries
       from stretch s`,
    )
    redactions = rows[0]?.entries ?? "0"
  }
  await client.query("rollback to savepoint state; release savepoint state")
  return { places: hash.digest("hex"), redactions }
}
