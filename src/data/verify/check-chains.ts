// Checks whole chains: one pass over the events in physical order, then the chains whose sum does not close up in their own order.
import { randomBytes } from "node:crypto"
import type { Client } from "pg"
import { genesis } from "../canonical.js"
import type { ConnectionTarget } from "../connection.js"
import type { VerifiedHead } from "./acts.js"
import { Chains } from "./chains.js"
import type { Findings } from "./finding.js"
import { type ChainHead, toChainHead } from "./heads.js"
import { partitions } from "./partitions.js"
import { type PoolTotals, scanAll } from "./pool.js"
import { chainKey, chainOf } from "./row.js"
import type { VerifyOptions } from "./verify.js"
import { walkChains } from "./walk-chains.js"

export interface Covered {
  readonly chains: number
  readonly events: number
  readonly redacted: number
}

interface Known {
  /** Exported by `client`, which keeps it alive. */
  readonly snapshot: string
  readonly logId: string | undefined
  readonly heads: ReadonlyMap<string, ChainHead>
  readonly verifiedHeads: readonly VerifiedHead[]
}

export async function checkChains(
  client: Client,
  target: ConnectionTarget,
  options: VerifyOptions,
  { logId, snapshot, heads, verifiedHeads }: Known,
  findings: Findings,
): Promise<Covered> {
  const watched = new Map<string, ChainHead>()
  for (const head of verifiedHeads) {
    if (options.organization === undefined || head.organization_id === options.organization) {
      watched.set(chainKey(head.organization_id, head.lane), toChainHead(head))
    }
  }
  const key = randomBytes(32)
  const all = await partitions(client)
  const quoted = await client.query<{ organization: string | null }>(
    "select quote_literal($1::text) as organization",
    [options.organization ?? null],
  )
  const totals = await scanAll(
    {
      target,
      snapshot,
      key,
      partitions: all,
      organizationLiteral: quoted.rows[0]?.organization ?? undefined,
      watched: new Map([...watched].map(([chain, head]) => [chain, head.seq])),
    },
    options.jobs ?? 2,
    options.progress ?? (() => undefined),
    options.signal,
  )
  reportMisplaced(totals, findings)

  const sums = new Chains(key)
  const chains = new Set([...heads.keys(), ...watched.keys(), ...totals.chains.keys()])
  const doubtful = [...chains].filter((chain) => {
    const head = heads.get(chain)
    const total = totals.chains.get(chain)
    const earlier = watched.get(chain)
    if (head === undefined || total === undefined) return true
    if (earlier !== undefined && total.watchedHash !== earlier.hash) return true
    if (logId === undefined) return true
    const first = genesis(logId, head.organization_id, head.lane).toString("latin1")
    return !sums.closes(total, first, head.seq, head.hash)
  })
  await walkChains(
    target,
    doubtful.map((chain) => {
      const { organization, lane } = chainOf(chain)
      return {
        organization_id: organization,
        lane,
        watched: watched.get(chain),
        hadEvents: totals.chains.has(chain),
      }
    }),
    logId,
    findings,
    options.signal,
  )
  let events = totals.placeless.length
  let redacted = 0
  for (const total of totals.chains.values()) {
    events += total.events
    redacted += total.redactedIdentity + total.redactedContent
  }
  return { chains: chains.size, events, redacted }
}

function reportMisplaced(totals: PoolTotals, findings: Findings): void {
  for (const { partition, ...place } of totals.outOfBounds) {
    findings.add({
      kind: "out_of_bounds",
      ...place,
      message: `event ${place.seq} stands in ${partition}, whose bounds it is outside of: queries by time do not find it`,
    })
  }
  for (const { partition } of totals.placeless) {
    findings.add({
      kind: "altered",
      message: `a row of ${partition} has no place in any chain: its chain columns were changed`,
    })
  }
}
