// Reads the doubtful chains again, each in its order, on fresh snapshots.
import type { Client } from "pg"
import { type ConnectionTarget, withClient, withTransaction } from "../connection.js"
import { grouped } from "../words.js"
import { withAllEvents } from "./detached.js"
import type { Findings, NewFinding } from "./finding.js"
import { partitions } from "./partitions.js"
import { freshSnapshot, type WalkControl, type Walked, walkChain } from "./walk-chain.js"
import type { WalkRange } from "./walk-range.js"

export interface DoubtfulChain {
  readonly range: WalkRange
  readonly hadEvents: boolean
}

/** What was read of each of them. */
export async function walkChains(
  target: ConnectionTarget,
  chains: readonly DoubtfulChain[],
  findings: Findings,
  control: WalkControl,
): Promise<Walked[]> {
  const walked: Walked[] = []
  if (chains.length === 0) return walked
  const vanished = new Map<string, NewFinding[]>()
  await withClient(target, async (client) => {
    for (const { range, hadEvents } of chains) {
      control.signal?.throwIfAborted()
      let found = 0
      const collect = (finding: NewFinding) => {
        found += 1
        if (finding.kind !== "vanished") findings.add(finding)
        else vanished.set(range.organization_id, [...(vanished.get(range.organization_id) ?? []), finding])
      }
      const read = await walkChain(client, range, { add: collect }, control)
      const { rows } = read
      walked.push(read)
      // The first pass saw something that an ordered reading does not: rows that an index hides, or two answers to one question.
      const count = found === 0 && hadEvents ? await countWithoutIndex(client, range, read.until) : rows
      // Somebody may have purged meanwhile: it counts when both say the same again.
      const isSame = async () => {
        const next = await walkChain(client, range, { add: () => undefined }, control)
        return next.rows === rows && (await countWithoutIndex(client, range, read.until)) === count
      }
      if (count !== rows && (await isSame())) {
        findings.add({
          kind: "missing",
          organization_id: range.organization_id,
          lane: range.lane,
          message: `the index of lane ${range.lane} shows ${grouped(rows)} events, and the table has another number: reindex and verify again`,
          evidence: `index ${rows} ${count}`,
        })
      }
    }
    const withEvents = new Set(
      chains.filter((chain) => chain.hadEvents).map((chain) => chain.range.organization_id),
    )
    await reportVanished(vanished, findings, async (organization) =>
      withEvents.has(organization) ? true : await hasEvents(client, organization),
    )
  })
  return walked
}

/** Lanes that have vanished, by organization: where it has no event left, all of them are one finding. */
export async function reportVanished(
  vanished: ReadonlyMap<string, readonly NewFinding[]>,
  findings: Pick<Findings, "add">,
  hasMore: (organization: string) => boolean | Promise<boolean>,
): Promise<void> {
  for (const [organization_id, list] of vanished) {
    if (list.length > 1 && !(await hasMore(organization_id))) {
      findings.add({
        kind: "vanished",
        organization_id,
        message: `organization ${organization_id} has vanished with all ${list.length} lanes`,
        evidence: list.map((finding) => finding.evidence).join(" "),
      })
    } else for (const finding of list) findings.add(finding)
  }
}

/** Partition by partition: no lock is held for longer than one takes. */
async function countWithoutIndex(client: Client, range: WalkRange, until: number): Promise<number> {
  let count = 0
  for (const { name } of await partitions(client)) {
    count += await withTransaction(client, freshSnapshot, async () => {
      await client.query(
        "set local enable_indexscan = off; set local enable_indexonlyscan = off; set local enable_bitmapscan = off",
      )
      const { rows } = await client.query<{ count: string }>(
        `select count(*) as count from only ${name}
         where organization_id = $1 and lane = $2 and seq >= coalesce($3, seq) and seq <= $4`,
        [range.organization_id, range.lane, range.first > 1 ? range.first : null, until],
      )
      return Number.parseInt(rows[0]?.count ?? "0", 10)
    })
  }
  return count
}

async function hasEvents(client: Client, organization: string): Promise<boolean> {
  return withAllEvents(client, ["organization_id"], async (source) => {
    const { rows } = await client.query<{ some: string }>(
      `select exists (select from ${source} where organization_id = $1) as some`,
      [organization],
    )
    return rows[0]?.some === "t"
  })
}
