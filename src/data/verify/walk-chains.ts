// Reads the doubtful chains again, each in its order, on a snapshot of its own that is fresh.

import { genesis } from "../canonical.js"
import type { ConnectionTarget } from "../connection.js"
import { withClient, withTransaction } from "../connection.js"
import { type Finding, type Findings, grouped } from "./finding.js"
import { RowReader, recordColumns } from "./row.js"
import { copy } from "./scan.js"
import { type Head, Walk, type WalkRange } from "./walk.js"

export interface DoubtfulChain {
  readonly organization_id: string
  readonly lane: string
  readonly watched?: Head | undefined
  readonly hadEvents: boolean
}

/** Reads the rows of a range in the order of seq. `client` must be in a transaction whose snapshot it shares with the heads. */
export async function walkRange(
  client: Parameters<typeof copy>[0],
  range: WalkRange,
  findings: Pick<Findings, "add">,
  signal?: AbortSignal,
): Promise<{ events: number }> {
  let events = 0
  const walk = new Walk(range, (finding) => findings.add(finding))
  const reader = new RowReader((row) => {
    events += 1
    if (!Number.isNaN(row.seq)) walk.push(row)
  })
  const literal = await client.query<{ organization: string }>(
    "select quote_literal($1::text) as organization",
    [range.organization_id],
  )
  const until = range.until === undefined ? "" : ` and seq <= ${range.until}`
  const since = range.previous === undefined ? ` and seq >= ${range.first}` : ""
  const select =
    `select ${recordColumns} from pgtrail.event ` +
    `where organization_id = ${literal.rows[0]?.organization} and lane = ${Number.parseInt(range.lane, 10)}${since}${until} order by seq`
  await copy(client, select, reader, signal)
  walk.finish()
  return { events }
}

export async function walkChains(
  target: ConnectionTarget,
  chains: readonly DoubtfulChain[],
  logId: string | undefined,
  findings: Findings,
  signal?: AbortSignal,
): Promise<void> {
  if (chains.length === 0) return
  const vanished = new Map<string, Finding[]>()
  await withClient(target, async (client) => {
    for (const chain of chains) {
      signal?.throwIfAborted()
      const { organization_id, lane } = chain
      await withTransaction(client, "begin isolation level repeatable read read only", async () => {
        const heads = await client.query<{ seq: string; hash: string }>(
          `select seq, encode(hash, 'hex') as hash from pgtrail.chain_head
           where organization_id = $1 and lane = $2 order by seq desc limit 1`,
          [organization_id, lane],
        )
        const head = heads.rows[0]
        const range: WalkRange = {
          organization_id,
          lane,
          first: 1,
          previous: logId === undefined ? "" : genesis(logId, organization_id, lane).toString("latin1"),
          head: {
            seq: Number.parseInt(head?.seq ?? "0", 10),
            hash: Buffer.from(head?.hash ?? "", "hex").toString("latin1"),
          },
          watched: chain.watched,
        }
        let found = 0
        const collect = (finding: Parameters<Findings["add"]>[0]) => {
          found += 1
          if (finding.kind === "vanished") {
            const list = vanished.get(organization_id) ?? []
            list.push({ organization_id, lane, seq: null, event_id: null, group: null, ...finding })
            vanished.set(organization_id, list)
          } else findings.add(finding)
        }
        const { events } = await walkRange(client, range, { add: collect }, signal)
        // The first pass saw something that an ordered reading does not: rows that an index hides, or two answers to one question.
        if (found === 0 && chain.hadEvents && (await stillDoubtful(client, range, events))) {
          findings.add({
            kind: "missing",
            organization_id,
            lane,
            message: `the index of lane ${lane} shows ${grouped(events)} events, and the table has another number: reindex and verify again`,
          })
        }
      })
    }
  })
  const withEvents = new Set(chains.filter((chain) => chain.hadEvents).map((chain) => chain.organization_id))
  for (const [organization_id, list] of vanished) {
    const others = await countOtherChains(target, organization_id)
    if (list.length > 1 && !withEvents.has(organization_id) && !others) {
      findings.add({
        kind: "vanished",
        organization_id,
        message: `organization ${organization_id} has vanished with all ${list.length} lanes`,
      })
    } else for (const finding of list) findings.add(finding)
  }
}

/** Whether a reading without indexes counts otherwise than the ordered one. */
async function stillDoubtful(
  client: Parameters<typeof copy>[0],
  range: WalkRange,
  events: number,
): Promise<boolean> {
  await client.query(
    "set local enable_indexscan = off; set local enable_indexonlyscan = off; set local enable_bitmapscan = off",
  )
  const { rows } = await client.query<{ count: string }>(
    "select count(*) as count from pgtrail.event where organization_id = $1 and lane = $2",
    [range.organization_id, range.lane],
  )
  return Number.parseInt(rows[0]?.count ?? "0", 10) !== events
}

async function countOtherChains(target: ConnectionTarget, organization: string): Promise<boolean> {
  return withClient(target, async (client) => {
    const { rows } = await client.query<{ some: string }>(
      "select exists (select from pgtrail.event where organization_id = $1) as some",
      [organization],
    )
    return rows[0]?.some === "t"
  })
}
